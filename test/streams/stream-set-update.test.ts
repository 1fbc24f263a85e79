// A StreamSet that takes other listeners while its VMs are held: nothing flows to a sleeper in between, and what runs is not held again.
import { EventEmitter } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import type { ListenerOptions } from '../../src/streams/listener.ts';
import type { StreamSocket } from '../../src/streams/stream-socket.ts';
import { comesTrue } from '../support/eventually.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { StreamRig, VmServer } from './support/stream-rig.ts';

const BOUNDS = {
  idleTimeoutMs: 600_000,
  disconnectGraceMs: 5_000,
  hold: { perStreamBytes: 1024 * 1024, perPlatformBytes: 64 * 1024 * 1024 },
};

const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A client that came over a link, says nothing and hears nothing. */
class LinkedClient extends EventEmitter {
  readonly isPlain = true;
  readonly writableLength = 0;
  destroyed = false;
  writableEnded = false;
  writableFinished = false;
  remoteAddress = '192.0.2.1';
  remotePort = 4000;

  write(): void {}
  end(): void {}
  pause(): void {}
  resume(): void {}
  resetAndDestroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
}

/** One listener that its address alone names, so that it stays the same whatever its VM is. */
async function start(vms: readonly string[], initiallyHeld = true) {
  const folder = new TempFolder('update');
  closers.push(() => folder.remove());
  const server = await VmServer.start();
  closers.push(() => server.close());
  const listeners = vms.map((vm) => ({
    vm,
    listen: { host: `unix:${folder.file(`${vm}.sock`)}`, port: 0 },
    link: { service: vm },
  }));
  const rig = await StreamRig.start({ initiallyHeld, listeners, target: server.port });
  closers.push(() => rig.close());
  const enter = (service: string) => rig.set.enter(service, () => new LinkedClient() as unknown as StreamSocket);
  const update = (next: readonly ListenerOptions[]) => rig.set.update({ ...BOUNDS, listeners: next });
  return { rig, server, enter, update };
}

describe('StreamSet.update', () => {
  it('held, a listener leads to a VM that is new: a client before the change is done -> waits and asks for the wake', async () => {
    const { rig, server, enter, update } = await start(['alice', 'carol']);
    const [alice, carol] = rig.listeners as [ListenerOptions, ListenerOptions];
    const isDone = update([{ ...alice, vm: 'bob' }, carol]);
    expect(enter('alice')).toBe(true);
    expect(rig.set.streams()).toMatchObject([{ vm: 'bob', mode: 'holding' }]);
    expect(rig.seen.of('held-activity')).toHaveLength(1);
    expect(await isDone).toEqual([]);
    expect(rig.set.waitingVms()).toEqual(['bob']);
    rig.set.release('bob');
    await comesTrue(() => expect(server.sockets).toHaveLength(1));
  });

  it('held while a listener for a new VM is being opened -> that VM is held, too', async () => {
    const { rig, enter, update } = await start(['alice'], false);
    const [alice] = rig.listeners as [ListenerOptions];
    const host = alice.listen.host.replace('alice', 'bob');
    const isDone = update([alice, { ...alice, vm: 'bob', listen: { host, port: 0 }, link: { service: 'bob' } }]);
    rig.set.hold();
    expect(await isDone).toEqual([]);
    enter('bob');
    expect(rig.set.streams()).toMatchObject([{ vm: 'bob', mode: 'holding' }]);
  });

  it('one of two VMs was released -> flows on, and the other one stays held', async () => {
    const { rig, enter, update } = await start(['alice', 'carol']);
    rig.set.release('alice');
    expect(await update(rig.listeners)).toEqual([]);
    enter('alice');
    enter('carol');
    expect(rig.set.streams()).toMatchObject([
      { vm: 'alice', mode: 'connecting' },
      { vm: 'carol', mode: 'holding' },
    ]);
  });
});
