import { describe, expect, it } from 'vitest';
import { createProbe, type ProbeSpec } from '../../src/probes/create-probe.ts';
import { FakeClock } from '../support/fake-clock.ts';

const TARGET = { host: '10.0.1.21', port: 22 };
const SPEC: ProbeSpec = { kind: 'tcp', send: null, expect: null, command: null, timeoutMs: 2000 };

function create(change: Partial<ProbeSpec>, target = TARGET) {
  return createProbe(new FakeClock(), { ...SPEC, ...change }, target);
}

describe('createProbe', () => {
  it.each([
    ['tcp', 'tcp 10.0.1.21:22'],
    ['banner', 'banner 10.0.1.21:22'],
    ['exchange', 'exchange 10.0.1.21:22'],
    ['icmp', 'icmp 10.0.1.21'],
  ] as const)('%s -> a probe that names itself, with the bound it was given', (kind, name) => {
    expect(create({ kind, timeoutMs: 700 })).toMatchObject({ name, timeoutMs: 700 });
  });

  it('command -> a probe that names its listener, not its command', () => {
    expect(create({ kind: 'command', command: 'ssh alice true' })?.name).toBe('command for 10.0.1.21:22');
  });

  it('none -> no probe', () => {
    expect(create({ kind: 'none' })).toBeNull();
  });

  it.each([
    ['command without a command', { kind: 'command' }, TARGET, 'command without a command'],
    ['command with nothing to run', { kind: 'command', command: [] }, TARGET, 'command without a command'],
    ['icmp to an option of ping', { kind: 'icmp' }, { host: '-f', port: 1 }, 'icmp to "-f"'],
    ['no time', { timeoutMs: 0 }, TARGET, 'timeout 0 ms'],
    ['time that is no number', { timeoutMs: Number.NaN }, TARGET, 'timeout NaN ms'],
  ] as const)('%s -> ERR_PROBE_CONFIG that names it', (_what, change, target, words) => {
    expect(() => create(change as Partial<ProbeSpec>, target)).toThrow(
      expect.objectContaining({ code: 'ERR_PROBE_CONFIG', message: expect.stringContaining(words) }),
    );
  });
});
