// The order and the bounds of a worker's messages.
import { describe, expect, it } from 'vitest';
import type { FromWorker } from '../../src/workers/messages.ts';
import { GATHER_MS, Outbox, WAITING_MAX } from '../../src/workers/outbox.ts';
import { FakeClock } from '../support/fake-clock.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

function makeOutbox() {
  const packets: Array<readonly FromWorker[]> = [];
  const sent: Array<() => void> = [];
  let overflows = 0;
  const clock = new FakeClock();
  const outbox = new Outbox({
    clock,
    send: (packet, done) => {
      packets.push(packet);
      sent.push(done);
    },
    onOverflow: () => {
      overflows += 1;
    },
  });
  let number = 0;
  /** A message that can wait for others, or one that cannot. */
  const post = (kind: 'closed' | 'activityWhileHeld' = 'activityWhileHeld') => {
    number += 1;
    outbox.post({ kind, platform: 0, id: String(number), why: '' });
  };
  const numbers = () => packets.flat().map((message) => ('id' in message ? Number(message.id) : -1));
  return { clock, packets, sent, post, numbers, overflows: () => overflows };
}

describe('Outbox', () => {
  it('messages of one turn -> one packet, in order', async () => {
    const { packets, post, numbers } = makeOutbox();
    for (let each = 0; each < 5; each += 1) post();
    expect(packets).toHaveLength(0);
    await turn();
    expect([packets.length, numbers()]).toEqual([1, [1, 2, 3, 4, 5]]);
  });

  it('messages that can wait: -> wait a little, unless one comes that cannot and takes them along', async () => {
    const { clock, packets, post, numbers } = makeOutbox();
    post('closed');
    await turn();
    expect(packets).toHaveLength(0);
    await clock.advance(GATHER_MS);
    await turn();
    expect(numbers()).toEqual([1]);
    post('closed');
    post('activityWhileHeld');
    await turn();
    expect([packets.length, numbers()]).toEqual([2, [1, 2, 3]]);
    await clock.advance(GATHER_MS);
    await turn();
    expect([packets.length, clock.pending]).toEqual([2, 0]);
  });

  it('a channel that takes nothing: packets -> stop at a bound, and all the rest follows in one', async () => {
    const { packets, sent, post, numbers } = makeOutbox();
    for (let each = 0; each < 100; each += 1) {
      post();
      await turn();
    }
    const stoppedAt = packets.length;
    expect(stoppedAt).toBeLessThan(100);
    sent[0]?.();
    await turn();
    expect(packets).toHaveLength(stoppedAt + 1);
    expect(numbers()).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
  });

  it('too many that wait -> its owner is told', () => {
    const { post, overflows } = makeOutbox();
    for (let each = 1; each < WAITING_MAX; each += 1) post();
    expect(overflows()).toBe(0);
    post();
    expect(overflows()).toBe(1);
  });
});
