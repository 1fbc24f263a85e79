// Keepalives of a sleeping VM's clients: held, answered after a wake, or taken as a reason to let the client go.
import { afterEach, describe, expect, it } from 'vitest';
import type { KeepaliveRule } from '../../src/platform/ports.ts';
import { eventually } from '../support/eventually.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { SocketReader } from './support/socket-reader.ts';
import { StreamRig, VmServer } from './support/stream-rig.ts';

/** telnet's No Operation: a parser tells it for what it is. Source: RFC 854. */
const NOP = Buffer.of(0xff, 0xf1);
const WAIT_MS = 30_000;
const IDLE_TIMEOUT_MS = 1_000;

const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A telnet stream that went idle, and then its platform held. */
async function startHeld(onKeepalive: KeepaliveRule) {
  const clock = new FakeClock();
  const vm = await VmServer.start();
  closers.push(() => vm.close());
  const listeners = [{ protocol: 'telnet', activity: 'learned', onKeepalive, keepaliveWaitMs: WAIT_MS }] as const;
  const rig = await StreamRig.start({ clock, target: vm.port, idleTimeoutMs: IDLE_TIMEOUT_MS, listeners });
  closers.push(() => rig.close());
  const client = await rig.connect();
  const server = await eventually('the VM to accept', () => vm.sockets[0], { everyMs: 2 });
  const [atVm, atClient] = [new SocketReader(server), new SocketReader(client)];
  client.write('ls\r\n');
  await atVm.until(4);
  await clock.advance(2 * IDLE_TIMEOUT_MS);
  rig.set.hold();
  const send = async (bytes: Uint8Array) => {
    const before = rig.set.streams()[0]?.bytesFromClient ?? 0;
    client.write(bytes);
    const arrived = () => (rig.set.streams()[0]?.bytesFromClient ?? 0) >= before + bytes.length;
    await eventually('the bytes in Torpor', arrived, { everyMs: 2 });
  };
  return { clock, rig, client, server, atVm, atClient, send };
}

describe('Stream whose keepalives a sleeper does not answer', () => {
  it('onKeepalive hold: however long it waits -> nobody is told, nothing is sent', async () => {
    const { clock, rig, atVm, send } = await startHeld('hold');
    await send(NOP);
    await clock.advance(100 * WAIT_MS);
    expect(rig.seen.told.slice(2)).toEqual(['idle: no activity for 1s']);
    expect(atVm.receivedBytes).toBe(4);
  });

  it('onKeepalive wake: its wait is over -> told once, and not as activity', async () => {
    const { clock, rig, send } = await startHeld('wake');
    await send(NOP);
    await clock.advance(WAIT_MS - 1);
    expect(rig.seen.of('keepalive')).toEqual([]);
    await clock.advance(1);
    await clock.advance(10 * WAIT_MS);
    expect(rig.seen.told.slice(2)).toEqual(['idle: no activity for 1s', 'keepalive: a keepalive has waited 30s']);
  });

  it('onKeepalive wake: more of them within the wait -> the first one counts', async () => {
    const { clock, rig, send } = await startHeld('wake');
    await send(NOP);
    await clock.advance(WAIT_MS / 2);
    await send(NOP);
    await clock.advance(WAIT_MS / 2);
    expect(rig.seen.of('keepalive')).toHaveLength(1);
  });

  it('onKeepalive wake: its VM runs in time -> delivered, nobody is told', async () => {
    const { clock, rig, atVm, send } = await startHeld('wake');
    await send(NOP);
    await clock.advance(WAIT_MS - 1);
    rig.set.release(null);
    await atVm.until(6);
    await clock.advance(10 * WAIT_MS);
    expect(rig.seen.of('keepalive')).toEqual([]);
  });

  it('a release: a keepalive alone was held -> delivered, its stream stays out of the pool', async () => {
    const { clock, rig, atVm, send } = await startHeld('wake');
    await send(NOP);
    await clock.advance(WAIT_MS);
    rig.set.release(null);
    await atVm.until(6);
    expect(rig.set.streams()[0]?.active).toBe(false);
    expect(rig.seen.of('active').map(({ why }) => why)).toEqual(['connected']);
  });

  it('a release: a key was held beside it, and the wake took long -> in the pool again', async () => {
    const { clock, rig, atVm, send } = await startHeld('wake');
    await send(NOP);
    await send(Buffer.from('x'));
    await clock.advance(2 * IDLE_TIMEOUT_MS);
    rig.set.release(null);
    await atVm.until(7);
    expect(rig.seen.told.at(-1)).toBe('active: waited for the wake');
  });

  it('onKeepalive close: its wait is over -> FIN to the client, the VM learns of it when it runs', async () => {
    const { clock, rig, client, server, atVm, atClient, send } = await startHeld('close');
    await send(NOP);
    await clock.advance(WAIT_MS);
    await atClient.untilEnd('fin');
    expect([atVm.receivedBytes, atVm.end]).toEqual([4, 'none']);
    await send(Buffer.from('bye'));
    client.end();
    expect(rig.seen.told.slice(2)).toEqual(['idle: no activity for 1s']);
    rig.set.release(null);
    await atVm.untilEnd('fin');
    expect(atVm.received.subarray(4)).toEqual(Buffer.concat([NOP, Buffer.from('bye')]));
    server.end();
    await eventually('the end to be told', () => rig.seen.of('closed')[0]);
    expect(rig.seen.of('closed')[0]?.why).toMatch(/^the listener closed the connection/);
  });

  it('onKeepalive close: a client that does not close its side -> reset 5 s later', async () => {
    const { clock, client, atClient, send } = await startHeld('close');
    await send(NOP);
    await clock.advance(WAIT_MS);
    await atClient.untilEnd('fin');
    await clock.advance(4_999);
    expect(atClient.end).toBe('fin');
    await clock.advance(1);
    // Nothing is read behind a FIN: only a write meets the reset.
    client.write('x');
    await atClient.untilEnd('rst');
  });
});
