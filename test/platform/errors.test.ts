import { describe, expect, it } from 'vitest';
import { errorText, TorporError } from '../../src/platform/errors.ts';

describe('TorporError', () => {
  it('TorporError: code and message alone -> not retryable, no cause', () => {
    const error = new TorporError('ERR_IPMI_TIMEOUT', 'no answer from 10.0.9.11:623 within 5s');
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: 'TorporError', code: 'ERR_IPMI_TIMEOUT', retryable: false });
    expect('cause' in error).toBe(false);
  });

  it('TorporError: with a cause, retryable -> both kept', () => {
    const cause = new Error('EHOSTUNREACH');
    const error = new TorporError('ERR_IPMI_UNREACHABLE', 'cannot reach it', { cause, retryable: true });
    expect(error.cause).toBe(cause);
    expect(error.retryable).toBe(true);
  });
});

describe('errorText', () => {
  it.each<[string, unknown, string]>([
    ['an error', new Error('it broke'), 'it broke'],
    ['a string', 'it broke', 'it broke'],
    ['nothing', undefined, 'undefined'],
    ['several errors', new AggregateError([new Error('first'), new Error('second')], 'all failed'), 'first'],
    ['no errors at all', new AggregateError([], 'all failed'), 'all failed'],
  ])('errorText: %s -> its message, never a stack', (_title, thrown, text) => {
    expect(errorText(thrown)).toBe(text);
  });
});
