// Server-sent events out of pieces. The examples are those of WHATWG HTML section 9.2.6, and pieces cut at every place.
import { describe, expect, it } from 'vitest';
import { SseParser } from '../../src/cli/sse-parser.ts';

function parseAll(...pieces: string[]) {
  const parser = new SseParser();
  return pieces.flatMap((piece) => parser.push(piece));
}

describe('SseParser', () => {
  it("the specification's stock example -> one message of three lines", () => {
    expect(parseAll('data: YHOO\ndata: +2\ndata: 10\n\n')).toEqual([
      { id: '', event: 'message', data: 'YHOO\n+2\n10' },
    ]);
  });

  it("the specification's example with comment, ids and a leading space -> three messages", () => {
    const text = ': test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n';
    expect(parseAll(text)).toEqual([
      { id: '1', event: 'message', data: 'first event' },
      { id: '', event: 'message', data: 'second event' },
      { id: '', event: 'message', data: ' third event' },
    ]);
  });

  it("the specification's example of empty data -> two messages; the unfinished block is dropped", () => {
    expect(parseAll('data\n\ndata\ndata\n\ndata:')).toEqual([
      { id: '', event: 'message', data: '' },
      { id: '', event: 'message', data: '\n' },
    ]);
  });

  it('named events, CR, LF and CRLF, cut at every place -> the same messages', () => {
    const text = 'retry: 2000\r\n\r\nid: 7\revent: gap\rdata: {"afterId":1}\r\rid: 8\ndata: x\n\n: still here\n\n';
    const expected = [
      { id: '7', event: 'gap', data: '{"afterId":1}' },
      { id: '8', event: 'message', data: 'x' },
    ];
    for (let cut = 0; cut <= text.length; cut += 1)
      expect(parseAll(text.slice(0, cut), text.slice(cut))).toEqual(expected);
    expect(parseAll(...text)).toEqual(expected);
  });

  it('an event without an end -> ERR_API_UNREACHABLE before memory grows', () => {
    const parser = new SseParser();
    const push = () => {
      for (let index = 0; index < 200; index += 1) parser.push(`data: ${'x'.repeat(10_000)}\n`);
    };
    expect(push).toThrowError(expect.objectContaining({ code: 'ERR_API_UNREACHABLE' }));
  });
});
