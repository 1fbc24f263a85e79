// Requests that never count because a listener's owner says so.
import { describe, expect, it } from 'vitest';
import { DEFAULT_STREAM_POLICY } from '../../src/platform/stream-policy.ts';
import { ConfiguredPolls } from '../../src/streams/configured-polls.ts';

const request = (line: string, rest = '') => Buffer.from(`${line} HTTP/1.1\r\nHost: a\r\n\r\n${rest}`, 'latin1');

describe('configured polls', () => {
  const polls = ConfiguredPolls.of({ ...DEFAULT_STREAM_POLICY, polls: ['GET /health', 'HEAD /'] });

  it('none configured -> nothing to ask', () => {
    expect(ConfiguredPolls.of(DEFAULT_STREAM_POLICY)).toBeNull();
  });

  it.each([
    ['GET /health', '', true],
    ['GET /health?from=lb1', '', true],
    ['HEAD /', '', true],
    ['GET /healthy', '', false],
    ['GET /health/deep', '', false],
    ['POST /health', '', false],
    ['GET /health', 'GET /order HTTP/1.1\r\n\r\n', false],
    ['GET /health', 'a body', false],
  ])('%s, then %j -> %s', (line, rest, isPoll) => {
    expect(polls?.includes(request(line, rest))).toBe(isPoll);
  });

  it('a request whose headers are not whole -> none', () => {
    expect(polls?.includes(request('GET /health').subarray(0, 20))).toBe(false);
    expect(polls?.includes(Buffer.from('GET'))).toBe(false);
  });
});
