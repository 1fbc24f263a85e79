// Wake-on-LAN out of a real socket on loopback, and which way it takes on a machine with several interfaces.
import { createSocket, type Socket } from 'node:dgram';
import type { NetworkInterfaceInfo } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { encodeMagicPacket } from '../../src/power/magic-packet.ts';
import { WakeOnLan, type WakeOnLanOptions } from '../../src/power/wake-on-lan.ts';
import { systemClock } from '../../src/system-clock.ts';
import { eventually } from '../support/eventually.ts';
import { FakeClock } from '../support/fake-clock.ts';

const SIGNAL = new AbortController().signal;
const MAC = '01:23:45:67:89:ab';

let receivers: Socket[] = [];
afterEach(() => {
  for (const socket of receivers) socket.close();
  receivers = [];
});

async function receive(address: string): Promise<{ port: number; packets: Buffer[]; from: string[] }> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  receivers.push(socket);
  const packets: Buffer[] = [];
  const from: string[] = [];
  socket.on('message', (packet, { address: sender }) => {
    packets.push(packet);
    from.push(sender);
  });
  await new Promise<void>((resolve) => socket.bind(0, address, resolve));
  return { port: socket.address().port, packets, from };
}

function wolOf(options: Partial<WakeOnLanOptions>): WakeOnLan {
  const defaults = { interface: null, address: null, port: 9, password: null, repeats: 3, clock: systemClock };
  return new WakeOnLan({ mac: MAC, ...defaults, ...options });
}

function card(family: 'IPv4' | 'IPv6', address: string): NetworkInterfaceInfo {
  const common = { address, netmask: '', mac: '', internal: false, cidr: null };
  return family === 'IPv4' ? { ...common, family } : { ...common, family, scopeid: 2 };
}

const MACHINE = () => ({
  lo: [card('IPv4', '127.0.0.1')],
  eth0: [card('IPv4', '10.0.1.2'), card('IPv4', '10.0.2.2'), card('IPv6', 'fe80::1'), card('IPv6', 'fd00::2')],
  eth1: [card('IPv6', 'fe80::2')],
});

/** The ways as `check` tells them. */
async function waysOf(options: Partial<WakeOnLanOptions>): Promise<string> {
  const [finding] = await wolOf({ interfaces: MACHINE, ...options }).inspect();
  return `${finding?.outcome}: ${finding?.what}`;
}

describe('Wake-on-LAN', () => {
  it('to an address on a real interface -> each repeat arrives whole, from that interface’s address', async () => {
    const { port, packets, from } = await receive('127.0.0.1');
    const wol = wolOf({ interface: 'lo', address: '127.0.0.1', port, password: '1.2.3.4' });
    const answer = await wol.requestWake('wake-on-lan', SIGNAL);
    expect(answer).toEqual({
      outcome: 'accepted',
      attempts: [`3 magic packets sent from 127.0.0.1 to 127.0.0.1, port ${port}; nothing comes back`],
    });
    await eventually('three packets', () => packets.length === 3);
    for (const packet of packets) expect(new Uint8Array(packet)).toEqual(encodeMagicPacket(MAC, '1.2.3.4'));
    expect(new Set(from)).toEqual(new Set(['127.0.0.1']));
  });

  it('to an IPv6 address -> arrives', async () => {
    const { port, packets } = await receive('::1');
    expect((await wolOf({ address: '::1', port, repeats: 1 }).requestWake('wake-on-lan', SIGNAL)).outcome).toBe(
      'accepted',
    );
    await eventually('a packet', () => packets.length === 1);
  });

  it('repeats -> spread over time; called off between two -> no more', async () => {
    const { port, packets } = await receive('127.0.0.1');
    const clock = new FakeClock();
    const stop = new AbortController();
    const asked = wolOf({ address: '127.0.0.1', port, repeats: 20, clock }).requestWake('wake-on-lan', stop.signal);
    await eventually('the first', () => packets.length === 1);
    await clock.advance(100);
    await eventually('the second', () => packets.length === 2);
    stop.abort();
    expect((await asked).outcome).toBe('accepted');
    expect(packets.length).toBe(2);
  });

  it.each<[string, Partial<WakeOnLanOptions>, string]>([
    [
      'an interface',
      { interface: 'eth0' },
      'ok: 01:23:45:67:89:ab from 10.0.1.2 to 255.255.255.255 and from 10.0.2.2 to 255.255.255.255 and to ff02::1%eth0, port 9, 3 times',
    ],
    ['an interface with IPv6 only', { interface: 'eth1' }, 'ab to ff02::1%eth1, port'],
    ['a directed broadcast', { interface: 'eth0', address: '10.0.1.255' }, 'ab from 10.0.1.2 to 10.0.1.255, port'],
    ['an IPv6 address', { interface: 'eth0', address: 'fd00::9' }, 'ab from fd00::2 to fd00::9, port'],
    ['a link-local address', { interface: 'eth1', address: 'fe80::9' }, 'ab to fe80::9%eth1, port'],
    ['a name, no interface', { address: 'host.lab' }, 'ab to host.lab, port'],
    ['nothing', {}, 'ab to 255.255.255.255, port'],
    ['an interface that is not there', { interface: 'eth9' }, 'failed: this machine has no interface eth9 that is up'],
    [
      'an interface without that family',
      { interface: 'eth1', address: '10.0.1.255' },
      'failed: interface eth1 has no address',
    ],
  ])('%s -> the way it takes', async (_title, options, ways) => {
    expect(await waysOf(options)).toContain(ways);
  });

  it('no way out -> refused, and why; not even a record could prove it', async () => {
    const wol = wolOf({ interface: 'eth9', interfaces: MACHINE });
    expect(await wol.requestWake('wake-on-lan', SIGNAL)).toMatchObject({ outcome: 'refused' });
    expect(await wol.proveWake()).not.toHaveProperty('needsRecord');
    expect(await wolOf({ interface: 'eth0', interfaces: MACHINE }).proveWake()).toMatchObject({ needsRecord: true });
  });

  it('an address of another machine to send from -> refused, with the system’s reason', async () => {
    const wol = wolOf({
      interface: 'eth0',
      address: '10.0.1.255',
      interfaces: () => ({ eth0: [card('IPv4', '192.0.2.77')] }),
    });
    const answer = await wol.requestWake('wake-on-lan', SIGNAL);
    expect(answer.outcome).toBe('refused');
    expect(answer.attempts[0]).toContain('EADDRNOTAVAIL');
  });

  it('SecureOn -> in no answer, no name and no finding', async () => {
    const { port } = await receive('127.0.0.1');
    const wol = wolOf({ address: '127.0.0.1', port, password: 'de:ad:be:ef:00:01' });
    const said = [await wol.requestWake('wake-on-lan', SIGNAL), await wol.proveWake(), await wol.inspect(), wol.name];
    expect(JSON.stringify([said, wol])).not.toContain('de:ad');
    expect(String(wol)).not.toContain('de:ad');
  });
});
