// Streams of disks' clients: in the active pool, and in the way of a sleep, while they wait for an answer.
import { afterEach, describe, expect, it } from 'vitest';
import type { Device } from '../../src/platform/ports.ts';
import { UNANSWERED_BOUND_MS } from '../../src/streams/disk/request-table.ts';
import { eventually } from '../support/eventually.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { NBD_OPENING, nbdReply, nbdRequest } from './support/disk-dialogues.ts';
import { SocketReader } from './support/socket-reader.ts';
import { StreamRig, VmServer } from './support/stream-rig.ts';

const IDLE_TIMEOUT_MS = 60_000;
const DRAIN_BOUND_MS = 5_000;
const NEVER = new AbortController().signal;
const WRITE = nbdRequest(1, 1, 8, 8);
const FLUSH = nbdRequest(3, 2, 0);

const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** An NBD client past its handshake. `say` resolves when the other end has it, and so Torpor, too. */
async function start(device: Device = 'disk') {
  const clock = new FakeClock();
  const vm = await VmServer.start();
  closers.push(() => vm.close());
  const rig = await StreamRig.start({
    clock,
    target: vm.port,
    idleTimeoutMs: IDLE_TIMEOUT_MS,
    listeners: [{ protocol: 'auto', activity: 'learned', device }],
    readUnacked: async () => new Map(),
  });
  closers.push(() => rig.close());
  const client = await rig.connect();
  const server = await eventually('the VM to accept', () => vm.sockets[0], { everyMs: 2 });
  const readers = { c: new SocketReader(server), s: new SocketReader(client) };
  const say = async (side: 'c' | 's', bytes: Buffer) => {
    const before = readers[side].receivedBytes;
    (side === 'c' ? client : server).write(bytes);
    await readers[side].until(before + bytes.length);
  };
  for (const [side, bytes] of NBD_OPENING) await say(side, bytes);
  const drain = async () => {
    const report = rig.set.drain(DRAIN_BOUND_MS, NEVER);
    let isDone = false;
    void report.then(() => {
      isDone = true;
    });
    await eventually(
      'the drain',
      async () => {
        await clock.advance(25);
        return isDone;
      },
      { everyMs: 1 },
    );
    return report;
  };
  return { clock, rig, client, say, drain };
}

const isActive = (rig: StreamRig) => rig.set.streams()[0]?.active;

describe('Stream of a disk’s client', () => {
  it('a write without an answer -> in the pool past its idle timeout; answered -> idle that much later', async () => {
    const { clock, rig, say } = await start();
    await say('c', WRITE);
    await clock.advance(4.5 * IDLE_TIMEOUT_MS);
    expect(rig.set.streams()[0]).toMatchObject({ active: true, lastActiveWhy: 'a disk request is unanswered' });
    await say('s', nbdReply(1));
    await clock.advance(IDLE_TIMEOUT_MS - 200);
    expect(isActive(rig)).toBe(true);
    await clock.advance(400);
    expect(isActive(rig)).toBe(false);
    expect(rig.seen.told).toEqual(['opened', 'active: connected', 'idle: no activity for 1m']);
  });

  it('answered at once -> idle after its idle timeout, as any other', async () => {
    const { clock, rig, say } = await start();
    await say('c', WRITE);
    await say('s', nbdReply(1));
    await clock.advance(IDLE_TIMEOUT_MS + 200);
    expect(isActive(rig)).toBe(false);
  });

  it('never answered -> out of the pool after the bound, and the log tells it', async () => {
    const { clock, rig, say } = await start();
    await say('c', WRITE);
    await clock.advance(UNANSWERED_BOUND_MS - 1);
    expect(isActive(rig)).toBe(true);
    await clock.advance(IDLE_TIMEOUT_MS);
    expect(isActive(rig)).toBe(false);
    expect(rig.log.lines.filter(({ message }) => /not answered after 10m/.test(message))).toHaveLength(1);
    await say('s', nbdReply(1));
    await clock.advance(10 * IDLE_TIMEOUT_MS);
    expect(rig.seen.of('active')).toHaveLength(1);
  });

  it('closed while it waits -> out of the pool after its grace', async () => {
    const { clock, rig, client, say } = await start();
    await say('c', WRITE);
    client.resetAndDestroy();
    await eventually('the end to be told', () => rig.seen.of('closed')[0], { everyMs: 2 });
    await clock.advance(10_000);
    expect(rig.seen.told.at(-1)).toBe('idle: disconnected');
  });

  it('a device of another kind -> the same bytes keep nobody in the pool', async () => {
    const { clock, rig, say } = await start('desktop');
    await say('c', WRITE);
    await clock.advance(IDLE_TIMEOUT_MS + 200);
    expect(isActive(rig)).toBe(false);
  });
});

describe('StreamSet.drain with disks’ clients', () => {
  it('a write without an answer -> not drained, and how many is told; answered -> drained', async () => {
    const { rig, say, drain } = await start();
    await say('c', WRITE);
    rig.set.hold();
    expect(await drain()).toEqual({ drained: false, unackedBytes: 0, unansweredRequests: 1, source: 'proc' });
    await say('s', nbdReply(1));
    expect(await drain()).toEqual({ drained: true, unackedBytes: 0, source: 'proc' });
  });

  it('a flush of an idle client -> keeps nobody in the pool, but is not drained before its answer', async () => {
    const { clock, rig, say, drain } = await start();
    await clock.advance(IDLE_TIMEOUT_MS + 200);
    await say('c', FLUSH);
    expect(isActive(rig)).toBe(false);
    rig.set.hold();
    expect(await drain()).toMatchObject({ drained: false, unansweredRequests: 1 });
    await say('s', nbdReply(2));
    expect(await drain()).toMatchObject({ drained: true });
  });

  it('a write that is cut by the hold -> not drained; released and answered -> drained', async () => {
    const { rig, client, say, drain } = await start();
    await say('c', WRITE.subarray(0, 30));
    rig.set.hold();
    client.write(WRITE.subarray(30));
    await eventually('the rest in the hold', () => (rig.set.streams()[0]?.heldBytes ?? 0) > 0, { everyMs: 2 });
    expect(await drain()).toMatchObject({ drained: false, unansweredRequests: 1 });
    rig.set.release(null);
    await say('s', nbdReply(1));
    expect(await drain()).toMatchObject({ drained: true });
  });

  it('a write that came while held -> waits for the VM, was not sent, and is no reason against the drain', async () => {
    const { rig, client, drain } = await start();
    rig.set.hold();
    client.write(WRITE);
    await eventually('the write in the hold', () => rig.set.streams()[0]?.heldBytes === WRITE.length, { everyMs: 2 });
    expect(await drain()).toEqual({ drained: true, unackedBytes: 0, source: 'proc' });
    expect(rig.seen.of('held-activity').map(({ why }) => why)).toContain('client bytes');
  });
});
