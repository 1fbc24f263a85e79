import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { socketKey } from '../../src/streams/proc-net-tcp.ts';
import { SendQueues } from '../../src/streams/send-queues.ts';
import { QUEUE_POLL_MS, readProcUnacked } from '../../src/streams/unacked-table.ts';
import { eventually } from '../support/eventually.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { noise, SocketReader } from './support/socket-reader.ts';
import { StreamRig, VmServer } from './support/stream-rig.ts';

/** The few properties of a socket that send queues look at. */
class SocketLike extends EventEmitter {
  localAddress = '10.0.1.10';
  remoteAddress = '10.0.1.21';
  remotePort = 3389;
  writableLength = 0;
  destroyed = false;
  readonly localPort: number;

  constructor(localPort: number) {
    super();
    this.localPort = localPort;
  }

  get key(): string {
    return socketKey(this) as string;
  }

  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
}

/** Send queues whose kernel is a map that the test fills. */
function makeQueues() {
  const clock = new FakeClock();
  const kernel = new Map<string, number>();
  let readings = 0;
  const queues = new SendQueues(clock, async () => {
    readings += 1;
    return new Map(kernel);
  });
  const track = (port: number) => {
    const socket = new SocketLike(port);
    queues.track(socket as unknown as Socket);
    return socket;
  };
  return { clock, kernel, queues, track, readings: () => readings };
}

const NEVER = new AbortController().signal;

describe('SendQueues.drain', () => {
  it('everything acknowledged -> drained after two readings', async () => {
    const { clock, queues, track, readings } = makeQueues();
    track(1);
    const report = queues.drain(5000, NEVER);
    await clock.advance(QUEUE_POLL_MS);
    expect(await report).toEqual({ drained: true, unackedBytes: 0, source: 'proc' });
    expect(readings()).toBe(2);
  });

  it('unacknowledged bytes until 100 ms -> drained only after they are gone', async () => {
    const { clock, kernel, queues, track } = makeQueues();
    kernel.set(track(1).key, 17);
    let report: unknown = null;
    void queues.drain(5000, NEVER).then((result) => {
      report = result;
    });
    await clock.advance(100);
    expect(report).toBeNull();
    kernel.clear();
    await clock.advance(2 * QUEUE_POLL_MS);
    expect(report).toEqual({ drained: true, unackedBytes: 0, source: 'proc' });
  });

  it('a line that one reading misses -> not drained', async () => {
    const { clock, kernel, queues, track } = makeQueues();
    const socket = track(1);
    kernel.set(socket.key, 17);
    let report: unknown = null;
    void queues.drain(5000, NEVER).then((result) => {
      report = result;
    });
    for (let round = 0; round < 5; round += 1) {
      kernel.delete(socket.key);
      await clock.advance(QUEUE_POLL_MS);
      kernel.set(socket.key, 17);
      await clock.advance(QUEUE_POLL_MS);
    }
    expect(report).toBeNull();
    await clock.advance(5000);
    expect(report).toMatchObject({ drained: false });
  });

  it('never acknowledged -> the bound ends it, with the bytes of all sockets', async () => {
    const { clock, kernel, queues, track } = makeQueues();
    kernel.set(track(1).key, 17);
    track(2).writableLength = 100;
    const report = queues.drain(1000, NEVER);
    await clock.advance(1000);
    expect(await report).toEqual({ drained: false, unackedBytes: 117, source: 'proc' });
  });

  it('the signal aborts -> answers at once, not drained', async () => {
    const { clock, kernel, queues, track } = makeQueues();
    kernel.set(track(1).key, 17);
    const abort = new AbortController();
    const report = queues.drain(60_000, abort.signal);
    await clock.advance(QUEUE_POLL_MS / 2);
    abort.abort();
    expect(await report).toMatchObject({ drained: false });
    expect(clock.pending).toBe(0);
    expect(await queues.drain(60_000, abort.signal)).toMatchObject({ drained: false });
  });

  it('a socket that was closed with bytes on their way -> counts until the kernel is done with it', async () => {
    const { clock, kernel, queues, track } = makeQueues();
    const socket = track(1);
    kernel.set(socket.key, 11);
    socket.destroy();
    let report: unknown = null;
    void queues.drain(60_000, NEVER).then((result) => {
      report = result;
    });
    await clock.advance(1000);
    expect(report).toBeNull();
    kernel.clear();
    await clock.advance(2 * QUEUE_POLL_MS);
    expect(report).toMatchObject({ drained: true });
  });

  it('a socket that says of itself that its peer has all -> is not looked for after its close', async () => {
    const { clock, kernel, queues, track } = makeQueues();
    const socket = Object.assign(track(1), { isAcknowledged: true });
    // Somebody else's by now, with the same ends.
    kernel.set(socket.key, 11);
    socket.destroy();
    const report = queues.drain(1000, NEVER);
    await clock.advance(QUEUE_POLL_MS);
    expect(await report).toMatchObject({ drained: true, unackedBytes: 0 });
  });

  it('a socket that remembers its ends -> is asked to, and counts after its close until the kernel is done with it', async () => {
    const { clock, kernel, queues } = makeQueues();
    const socket = Object.assign(new SocketLike(1), { remembersEnds: false, isAcknowledged: false });
    queues.track(socket as unknown as Socket);
    expect(socket.remembersEnds).toBe(true);
    kernel.set(socket.key, 11);
    socket.destroy();
    const report = queues.drain(1000, NEVER);
    await clock.advance(1000);
    expect(await report).toMatchObject({ drained: false, unackedBytes: 11 });
  });

  it("somebody else's connections -> do not count", async () => {
    const { clock, kernel, queues, track } = makeQueues();
    track(1);
    kernel.set(new SocketLike(2).key, 99);
    const report = queues.drain(1000, NEVER);
    await clock.advance(QUEUE_POLL_MS);
    expect(await report).toMatchObject({ drained: true });
  });

  it('a system without the table: bytes in the process -> counted, and the source says so', async () => {
    const clock = new FakeClock();
    const queues = new SendQueues(clock, async () => null);
    const socket = new SocketLike(1);
    queues.track(socket as unknown as Socket);
    socket.writableLength = 5;
    const first = queues.drain(100, NEVER);
    await clock.advance(100);
    expect(await first).toEqual({ drained: false, unackedBytes: 5, source: 'process' });
    socket.writableLength = 0;
    const second = queues.drain(100, NEVER);
    await clock.advance(QUEUE_POLL_MS);
    expect(await second).toEqual({ drained: true, unackedBytes: 0, source: 'process' });
  });
});

describe.skipIf(process.platform !== 'linux')('SendQueues and the real kernel (Linux)', () => {
  it('a VM that does not read: bytes in the send queue -> seen, not drained; read -> drained', async () => {
    const vm = await VmServer.start();
    const rig = await StreamRig.start({ target: vm.port });
    const client = await rig.connect();
    const atVm = new SocketReader(await eventually('the VM to accept', () => vm.sockets[0], { everyMs: 2 }));
    atVm.pause();
    client.write(noise(12 * 1024 * 1024));
    await eventually('bytes in the queue', async () => (await rig.set.drain(0, NEVER)).unackedBytes > 0);
    rig.set.hold();
    expect(await rig.set.drain(200, NEVER)).toMatchObject({ drained: false, source: 'proc' });
    atVm.resume();
    expect(await rig.set.drain(60_000, NEVER)).toEqual({ drained: true, unackedBytes: 0, source: 'proc' });
    await rig.close();
    vm.close();
  });

  it('500 idle streams: drain -> answers within a few polls', async () => {
    const vm = await VmServer.start();
    let polls = 0;
    const readUnacked = () => {
      polls += 1;
      return readProcUnacked();
    };
    const rig = await StreamRig.start({ target: vm.port, readUnacked });
    await Promise.all(Array.from({ length: 500 }, () => rig.connect()));
    await eventually('all connections', () => vm.sockets.length === 500);
    rig.set.hold();
    const before = polls;
    expect(await rig.set.drain(60_000, NEVER)).toEqual({ drained: true, unackedBytes: 0, source: 'proc' });
    expect(polls - before).toBeLessThan(10);
    await rig.close();
    vm.close();
  });
});
