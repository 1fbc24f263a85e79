// Flows of datagrams that one process leaves to the next: what is told of them, and what becomes of it there. That their sockets go over is test/e2e's.
import { fstatSync, openSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { DEFAULT_DATAGRAM_RULE } from '../../../src/platform/datagram-rule.ts';
import { DatagramTarget } from '../../../src/streams/datagrams/datagram-target.ts';
import { type FlowRecord, GivenFlows, LeavingFlows } from '../../../src/streams/datagrams/flow-record.ts';
import { InheritedSockets } from '../../../src/streams/inherited-sockets.ts';
import { eventually } from '../../support/eventually.ts';
import type { StreamRig } from '../support/stream-rig.ts';
import { UdpWorld } from './support.ts';

const world = new UdpWorld();
afterEach(() => world.close());

const COUNT = { udp: { ...DEFAULT_DATAGRAM_RULE, datagrams: 'count' } } as const;
const RECORD: FlowRecord = {
  ...{ listen: 'udp:127.0.0.1:514', vm: 'alice', target: 'udp:10.0.1.21:514' },
  ...{ address: '127.0.0.1', port: 4000, socket: null, isActive: false, held: [] },
};

/** As over the channel between two processes. */
function leave({ set }: StreamRig): FlowRecord[] {
  const leaving = new LeavingFlows(set.flowSockets);
  set.leaveFlows(leaving);
  return JSON.parse(JSON.stringify(leaving.records));
}

function given(records: readonly FlowRecord[]): InheritedSockets {
  const inherited = new InheritedSockets([]);
  inherited.takeFlows(records);
  return inherited;
}

const isOpen = (fd: number) => {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
};

describe('flows of datagrams that go on in another process', () => {
  it('a flow of a VM that runs -> told with its socket, as active; there: a stream that counts, before any datagram of its client', async () => {
    const [vm, client] = [await world.end(), await world.end()];
    const former = await world.rig(vm);
    await client.send('hello', former.port());
    await eventually('it to arrive', () => vm.got.length === 1);
    const records = leave(former);
    expect(records).toMatchObject([{ address: '127.0.0.1', port: client.port, socket: 0, isActive: true, held: [] }]);
    const next = await world.rig(vm, {}, { inherited: given(records), initiallyHeld: true });
    expect(next.set.streams()).toMatchObject([{ client: `127.0.0.1:${client.port}`, mode: 'holding', active: true }]);
    expect(next.seen.told[0]).toBe('opened');
    await client.send('again', next.port());
    await eventually('it to be held', () => next.set.heldBytes().heldBytes === 5);
    expect(next.set.streams()).toHaveLength(1);
  });

  it('datagrams that wait for a sleeper -> go over in order, wake nobody, arrive after the wake; none is counted as dropped', async () => {
    const [vm, client] = [await world.end(), await world.end()];
    const former = await world.rig(vm, COUNT, { initiallyHeld: true });
    for (const text of ['one', 'two']) await client.send(text, former.port());
    await eventually('both to be held', () => former.set.heldBytes().heldBytes === 6);
    const records = leave(former);
    expect(records.map(({ isActive, socket }) => [isActive, socket])).toEqual([[false, null]]);
    former.set.stopListening();
    expect([former.set.heldBytes().heldBytes, former.set.refusedClients()]).toEqual([0, {}]);

    const next = await world.rig(vm, COUNT, { inherited: given(records), initiallyHeld: true });
    expect([next.set.heldBytes().heldBytes, next.set.waitingVms(), next.seen.told]).toEqual([6, [], ['opened']]);
    next.set.release(null);
    await eventually('both to arrive', () => vm.got.length === 2);
    expect(vm.got).toEqual(['one', 'two']);
  });

  it('a VM that is held, its client active -> not told as active: nobody is to be woken by a hand-over', async () => {
    const [vm, client] = [await world.end(), await world.end()];
    const former = await world.rig(vm);
    await client.send('hello', former.port());
    await eventually('it to arrive', () => vm.got.length === 1);
    former.set.hold();
    expect(former.set.streams()).toMatchObject([{ active: true }]);
    expect(leave(former)).toMatchObject([{ isActive: false, socket: 0 }]);
  });

  it('more held than is handed over -> the oldest as far as they fit, the rest is counted', async () => {
    const [vm, client] = [await world.end(), await world.end()];
    const former = await world.rig(vm, COUNT, { initiallyHeld: true });
    for (const text of ['one', 'two', 'six']) await client.send(text, former.port());
    await eventually('all to be held', () => former.set.heldBytes().heldBytes === 9);
    const leaving = new LeavingFlows(former.set.flowSockets, 7);
    former.set.leaveFlows(leaving);
    const texts = leaving.records.flatMap(({ held }) =>
      held.map(({ bytes }) => Buffer.from(bytes, 'base64').toString()),
    );
    expect([texts, former.set.refusedClients()]).toEqual([['one', 'two'], { datagram: 1 }]);
  });

  it('a listener that leads elsewhere, or none -> its flows are not taken; sockets that nobody claimed are closed', () => {
    const fds = [openSync('/dev/null', 'r'), openSync('/dev/null', 'r'), openSync('/dev/null', 'r')];
    const flows = new GivenFlows([{ ...RECORD, socket: 0 }, { ...RECORD, port: 4001, socket: 2 }, RECORD], fds);
    expect(flows.claim({ ...RECORD, target: 'udp:10.0.1.22:514' })).toEqual([]);
    expect(flows.claim(RECORD).map(({ fd }) => fd)).toEqual([fds[0], fds[2], null]);
    expect(flows.claim(RECORD)).toEqual([]);
    flows.close();
    expect(fds.map(isOpen)).toEqual([true, false, true]);
    for (const fd of [fds[0], fds[2]]) new GivenFlows([], [fd as number]).close();
  });

  it('a descriptor that is no connected socket -> no target, and it is closed', () => {
    const owner = { onReady: () => {}, onReply: () => {}, onFailed: () => {} };
    const fd = openSync('/dev/null', 'r');
    expect(DatagramTarget.take(fd, { host: '127.0.0.1', port: 514 }, owner)).toBeNull();
    expect(isOpen(fd)).toBe(false);
  });
});
