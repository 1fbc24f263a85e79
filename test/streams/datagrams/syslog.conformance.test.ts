// util-linux logger, which says a line to syslog by UDP and goes: its line reaches a VM that slept, and alone wakes nobody where told so.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { DEFAULT_DATAGRAM_RULE } from '../../../src/platform/datagram-rule.ts';
import { eventually } from '../../support/eventually.ts';
import { UdpWorld } from './support.ts';

const world = new UdpWorld();
afterEach(() => world.close());

describe('logger (util-linux)', () => {
  it('lines to a sleeper with datagrams: count -> held, no wake; in the next wake they arrive, as RFC 5424 has them', async () => {
    const vm = await world.end();
    const udp = { ...DEFAULT_DATAGRAM_RULE, datagrams: 'count' } as const;
    const rig = await world.rig(vm, { udp }, { initiallyHeld: true });
    const say = (text: string) =>
      promisify(execFile)('logger', ['-n', '127.0.0.1', '-P', String(rig.port()), '-d', '-t', 'torpor-test', text]);
    await say('first line');
    await eventually('one flow', () => rig.set.streams().length === 1);
    await say('second line');
    await eventually('another', () => rig.set.streams().length === 2);
    expect([rig.set.waitingVms(), vm.got]).toEqual([[], []]);
    rig.set.release(null);
    await eventually('both lines', () => vm.got.length === 2);
    const lines = vm.got.map((line) => /^<13>1 \S+ \S+ torpor-test .* (\w+ line)$/.exec(line)?.[1]);
    // Each has a socket of its own towards the VM: only within one flow is there an order.
    expect(lines.sort()).toEqual(['first line', 'second line']);
  });
});
