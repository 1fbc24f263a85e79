// Peers: the Linux kernel (two networks, raw sockets), Debian's wakeonlan and etherwake. Which wire, and which bytes on it.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { PowerAnswer } from '../../src/platform/ports.ts';
import { Agent } from '../streams/support/agent.ts';
import { NamespacePair } from '../streams/support/namespace-pair.ts';
import { eventually } from '../support/eventually.ts';
import { describeWhere, findProgram, requires } from '../support/requirements.ts';

const MAC = '02:00:00:00:00:07';
const SIX = '00:11:22:33:44:55';
const LISTENER = fileURLToPath(new URL('./support/frame-listener.py', import.meta.url));
const CABLES = ['cable', 'other'];
const ETHERTYPE = { ipv4: '0800', ipv6: '86dd', wakeOnLan: '0842' };

interface Frame {
  readonly on: string;
  readonly type: string;
  readonly bytes: string;
}

let net: NamespacePair;
let torpor: Agent;
let listener: ChildProcess;
let frames: Frame[] = [];

const ip = (...args: string[]) => execFileSync(findProgram('ip') ?? 'ip', args, { encoding: 'utf8' });
const inGate = (program: string, ...args: string[]) =>
  ip('netns', 'exec', net.gate, findProgram(program) ?? program, ...args);

/** A second cable between the two, by which the default route leaves: where packets must not go. */
function layOtherCable(): void {
  ip('link', 'add', 'other', 'netns', net.gate, 'type', 'veth', 'peer', 'name', 'other', 'netns', net.vm);
  ip('-n', net.gate, 'address', 'add', '10.78.0.1/24', 'dev', 'other');
  for (const namespace of [net.gate, net.vm]) ip('-n', namespace, 'link', 'set', 'other', 'up');
  ip('-n', net.gate, 'route', 'add', 'default', 'via', '10.78.0.2', 'dev', 'other');
}

async function listen(): Promise<void> {
  const python = findProgram('python3') ?? 'python3';
  listener = spawn(findProgram('ip') ?? 'ip', ['netns', 'exec', net.vm, python, LISTENER, MAC], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let ready = false;
  createInterface({ input: listener.stdout as NodeJS.ReadableStream }).on('line', (line) => {
    const [on = '', type = '', bytes = ''] = line.split(' ');
    if (on === 'ready') ready = true;
    else frames.push({ on, type, bytes });
  });
  await eventually('the listener', () => ready);
}

/** IPv6 addresses come with the link, and are tentative until the kernel has asked for others of the same: nothing leaves before. */
function hasIpv6(cable: string): boolean {
  const addresses = ip('-n', net.gate, '-6', 'address', 'show', 'dev', cable);
  return addresses.includes('inet6 fe80:') && !addresses.includes('tentative');
}

const wake = (name: string | null, address: string | null = null, password: string | null = null) =>
  torpor.call<PowerAnswer>('wake', MAC, name, address, password);
const arrived = (count: number) => eventually(`${count} frames`, () => frames.length >= count);

const missing = requires(['ip', 'python3', 'wakeonlan', 'etherwake'], { root: true });

describeWhere(missing, 'Wake-on-LAN on two real networks', () => {
  beforeAll(async () => {
    net = new NamespacePair('wol');
    layOtherCable();
    torpor = new Agent(net.gate, '../../power/support/wol-agent.ts');
    await listen();
    for (const cable of CABLES) await eventually(`IPv6 on ${cable}`, () => hasIpv6(cable));
  }, 60_000);
  afterAll(() => {
    listener?.kill('SIGKILL');
    torpor?.[Symbol.dispose]();
    net?.[Symbol.dispose]();
  });
  beforeEach(() => {
    frames = [];
  });

  it.each(CABLES)('broadcast on %s -> by IPv4 and IPv6 on that wire, and on no other', async (name) => {
    const answer = await wake(name);
    expect(answer.outcome).toBe('accepted');
    await arrived(4);
    expect(new Set(frames.map(({ on }) => on))).toEqual(new Set([name]));
    expect(frames.filter(({ type }) => type === ETHERTYPE.ipv4)).toHaveLength(2);
    expect(frames.filter(({ type }) => type === ETHERTYPE.ipv6)).toHaveLength(2);
  });

  it('directed broadcast of the cable’s network -> on the cable', async () => {
    await wake('cable', '10.77.0.255');
    await arrived(2);
    expect(frames.map(({ on, type }) => `${on} ${type}`)).toEqual(['cable 0800', 'cable 0800']);
  });

  it('neither interface nor address -> by the default route, as the warning says', async () => {
    await wake(null);
    await arrived(2);
    expect(new Set(frames.map(({ on }) => on))).toEqual(new Set(['other']));
  });

  it('beside wakeonlan -> the same bytes', async () => {
    await wake('cable', '10.77.0.255');
    await arrived(2);
    inGate('wakeonlan', '-i', '10.77.0.255', '-p', '9', MAC);
    await arrived(3);
    expect(new Set(frames.map(({ bytes }) => bytes)).size).toBe(1);
  });

  it.each([null, SIX, '192.168.1.1'])('beside etherwake with password %s -> the same bytes', async (password) => {
    await wake('cable', '10.77.0.255', password);
    await arrived(2);
    inGate('etherwake', '-i', 'cable', '-b', ...(password === null ? [] : ['-p', password]), MAC);
    await arrived(3);
    expect(frames[2]).toMatchObject({ on: 'cable', type: ETHERTYPE.wakeOnLan });
    expect(new Set(frames.map(({ bytes }) => bytes)).size).toBe(1);
  });
});
