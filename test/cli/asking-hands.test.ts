// The hands of a proof that a running Torpor does: what its API says, and what it means where that falls silent in the middle.
import { describe, expect, it } from 'vitest';
import type { ApiClient } from '../../src/cli/api-client.ts';
import { AskingHands } from '../../src/cli/prove/asking-hands.ts';
import { TorporError } from '../../src/platform/errors.ts';
import type { PowerDriver } from '../../src/platform/ports.ts';

const NEVER = new AbortController().signal;
const gone = () => new TorporError('ERR_API_UNREACHABLE', 'nothing listens there', { retryable: true });

/** Answers each look with the next of these, the last one from then on. */
function handsOf(looks: ReadonlyArray<string | Error>, stop?: AbortController): AskingHands {
  let asked = 0;
  const client = {
    sleep: async () => ({ state: 'drowsy', why: 'asked' }),
    platform: async () => {
      const look = looks[Math.min(asked, looks.length - 1)];
      asked += 1;
      if (asked > looks.length) stop?.abort();
      if (look instanceof Error) throw look;
      return { state: look, why: 'as told' };
    },
    recentEvents: async () => [],
  };
  return new AskingHands({
    client: client as unknown as ApiClient,
    platform: 'lab',
    driver: {} as PowerDriver,
    hookTimeoutMs: 1000,
    wakeTimeoutMs: 1000,
  });
}

describe('AskingHands', () => {
  it('the API is away for a look, as while Torpor starts anew -> looked again', async () => {
    expect(await handsOf(['drowsy', gone(), 'suspending']).requestSleep(NEVER)).toMatchObject({ outcome: 'accepted' });
    expect(await handsOf([gone(), 'awake']).finish(NEVER)).toMatchObject({ problem: null });
  });

  it('the API stays away after it was asked to sleep -> unknown, for it may sleep; the end is told, not thrown', async () => {
    const stop = new AbortController();
    expect(await handsOf(['drowsy', gone()], stop).requestSleep(stop.signal)).toMatchObject({
      outcome: 'unknown',
      attempts: [expect.stringContaining('nothing listens there')],
    });
    const end = new AbortController();
    expect(await handsOf([gone()], end).finish(end.signal)).toEqual({
      identity: 'unknown',
      problem: expect.stringContaining('nothing listens there'),
      wokeBy: null,
    });
  });

  it('the API refuses to tell after it was asked to sleep -> unknown', async () => {
    const refusal = new TorporError('ERR_API_REQUEST', 'no such token');
    expect(await handsOf(['drowsy', refusal]).requestSleep(NEVER)).toMatchObject({ outcome: 'unknown' });
  });
});
