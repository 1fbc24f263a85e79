// What `torpor check` tells of saved VMs and identities: a simulated Proxmox VE, and commands, URLs and banners of this process's own.

import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { checkContext } from '../../src/cli/check/check-context.ts';
import { CheckReport } from '../../src/cli/check/check-finding.ts';
import { parseConfig } from '../../src/config/load-config.ts';
import type { PlatformConfig } from '../../src/config/torpor-config.ts';
import type { PowerReading } from '../../src/platform/ports.ts';
import {
  SimulatedProxmox,
  type SimulatedProxmoxOptions,
  type SimulatedProxmoxVm,
} from '../../src/power/simulated/simulated-proxmox.ts';
import { systemClock } from '../../src/system-clock.ts';

const SECRET = '8f4fbb11-0000-4000-8000-5ec4e75ec4e7';
const ENV = { TOKEN: SECRET, P: 'x' };
const OFF: PowerReading = { atMs: 0, acpi: 'S5', acpiSource: 'sensor', powerBit: false, watts: null };

const ends: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

function platformOf(lines: {
  readonly context?: string;
  readonly identity?: string;
  readonly sleep?: string;
}): PlatformConfig {
  const text = `platforms:
  - name: lab
    context: ${lines.context ?? '{}'}
    power: { sleep: ${lines.sleep ?? 'S3'}, bmc: { driver: ipmi, host: 10.0.9.11, user: torpor, passwordEnv: P } }
    vms: [{ name: one${lines.identity === undefined ? '' : `, identity: ${lines.identity}`}, listeners: [{ listen: "127.0.0.1:0", target: "10.0.1.6:22" }] }]
`;
  return parseConfig(text, 'torpor.yaml', '/etc/torpor').config.platforms[0] as PlatformConfig;
}

async function findingsOf(
  platform: PlatformConfig,
  reading: PowerReading | null = null,
  env: Record<string, string> = ENV,
) {
  const report = new CheckReport('lab');
  await checkContext(platform, env, reading, report, new AbortController().signal);
  expect(JSON.stringify(report.findings)).not.toContain('5ec4e7');
  return report.findings.map(({ subject, outcome, what, todo }) => ({ subject, outcome, what, todo }));
}

async function simulateNode(
  vms: readonly SimulatedProxmoxVm[],
  containers: SimulatedProxmoxOptions['containers'] = [],
): Promise<string> {
  const options = { clock: systemClock, node: 'pve-1', tokenId: 'torpor@pve!power', tokenSecret: SECRET };
  const simulated = await SimulatedProxmox.start({ ...options, vms, containers });
  ends.push(() => simulated.stop());
  return simulated.url;
}

async function simulate(...vms: SimulatedProxmoxVm[]): Promise<string> {
  return await simulateNode(vms);
}

const vm = (vmid: number, name: string, change: Partial<SimulatedProxmoxVm> = {}): SimulatedProxmoxVm => ({
  ...{ vmid, name, status: 'running', lock: null, memory: 1 },
  ...change,
});

const saver = (url: string, vms: string) =>
  `{ saveVms: { driver: proxmox, url: "${url}", node: pve-1, tokenId: "torpor@pve!power", tokenEnv: TOKEN, vms: ${vms} } }`;

describe('check: saved VMs', () => {
  it('a saver that works -> which VMs would be saved; one that is off is not among them', async () => {
    const url = await simulate(vm(101, 'alice'), vm(102, 'bob'), vm(103, 'carol', { status: 'stopped' }));
    expect(await findingsOf(platformOf({ context: saver(url, 'all') }))).toEqual([
      { subject: 'saved VMs', outcome: 'ok', what: `Proxmox pve-1 at ${url}: alice, bob would be saved`, todo: null },
    ]);
  });

  it('containers run -> named where the node is powered off, for nobody can save them; in S3 they are no matter', async () => {
    const containers = [
      { vmid: 201, name: 'dns', status: 'running' as const },
      { vmid: 202, name: 'old', status: 'stopped' as const },
    ];
    const context = saver(await simulateNode([vm(101, 'web')], containers), 'all');
    const findings = await findingsOf(platformOf({ context, sleep: 'S5' }));
    expect(findings.filter(({ outcome }) => outcome !== 'ok')).toEqual([
      {
        subject: 'saved VMs',
        outcome: 'warning',
        what: 'container dns (201): cannot be saved, and would be shut down with the platform',
        todo: 'move what must keep its memory into a VM, or let S3 be its sleep',
      },
    ]);
    expect((await findingsOf(platformOf({ context, sleep: 'S3' }))).map(({ outcome }) => outcome)).toEqual(['ok']);
  });

  it('a name that is not there, a passed-through device, a lock, a VM that would be left to die in S5 -> one line each', async () => {
    const gpu = vm(102, 'gpu', { config: { hostpci0: '0000:01:00.0' } });
    const url = await simulate(vm(101, 'alice'), gpu, vm(103, 'db', { lock: 'backup' }), vm(104, 'web'));
    const context = saver(url, '[alice, gpu, db, alcie]');
    const findings = await findingsOf(platformOf({ context, sleep: 'S5' }));
    expect(findings.map(({ outcome, what }) => [outcome, what])).toEqual([
      ['failed', `Proxmox pve-1 at ${url} knows no VM alcie`],
      ['failed', 'VM gpu has a device of the host passed through (hostpci0), which cannot be hibernated'],
      ['warning', 'VM db is busy (locked: backup)'],
      ['ok', `Proxmox pve-1 at ${url}: alice, gpu would be saved`],
      ['warning', 'web would lose what is in memory'],
    ]);
    expect(findings.filter(({ outcome }) => outcome !== 'ok').every(({ todo }) => todo !== null)).toBe(true);
  });

  it('the token is wrong, or its variable is not set -> failed, with what to look at; the secret is nowhere', async () => {
    const url = await simulate(vm(101, 'alice'));
    const platform = platformOf({ context: saver(url, 'all') });
    const [wrong] = await findingsOf(platform, null, { ...ENV, TOKEN: 'wrong-5ec4e7' });
    expect(wrong).toMatchObject({ outcome: 'failed', what: expect.stringContaining('401 authentication failure') });
    const [unset] = await findingsOf(platform, null, { P: 'x' });
    expect(unset).toMatchObject({
      outcome: 'failed',
      what: expect.stringContaining('environment variable TOKEN: it is not set'),
    });
  });

  it('the hypervisor does not answer -> failed; the platform is off, so how should it -> a warning', async () => {
    const url = await simulate();
    for (const end of ends.splice(0)) await end();
    const platform = platformOf({ context: saver(url, 'all') });
    expect((await findingsOf(platform))[0]).toMatchObject({
      outcome: 'failed',
      what: expect.stringContaining('cannot be reached'),
    });
    expect((await findingsOf(platform, OFF))[0]).toMatchObject({ outcome: 'warning', todo: 'wake it and check again' });
  });
});

describe('check: identities', () => {
  it('read twice the same -> ok, without its value; for host and VM', async () => {
    const platform = platformOf({
      context: '{ identity: { command: "echo s3cret-id" } }',
      identity: '{ command: "echo other" }',
    });
    const findings = await findingsOf(platform);
    expect(findings.map(({ subject, outcome, what }) => [subject, outcome, what]).sort()).toEqual([
      ['identity of VM one', 'ok', 'its command can be read'],
      ['identity of the host', 'ok', 'its command can be read'],
    ]);
  });

  it('it changes by itself, like a banner with a clock -> failed: it would end every session after every sleep', async () => {
    let count = 0;
    const server = createServer((socket) => socket.on('error', () => {}).end(`hello ${++count}\r\n`));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ends.push(() => new Promise<void>((resolve) => server.close(() => resolve())));
    const { port } = server.address() as AddressInfo;
    const clock = await findingsOf(platformOf({ identity: `{ banner: "127.0.0.1:${port}" }` }));
    expect(clock).toEqual([
      {
        subject: 'identity of VM one',
        outcome: 'failed',
        what: `the banner of 127.0.0.1:${port} gave two different values within a second`,
        todo: expect.stringContaining('/proc/sys/kernel/random/boot_id'),
      },
    ]);
    const [picked] = await findingsOf(platformOf({ identity: `{ banner: "127.0.0.1:${port}", match: "hel+o" }` }));
    expect(picked?.outcome).toBe('ok');
  });

  it('it cannot be read -> failed with the reason; while the platform is off -> a warning', async () => {
    const platform = platformOf({ identity: '{ command: "exit 3" }' });
    expect((await findingsOf(platform))[0]).toMatchObject({
      outcome: 'failed',
      what: 'its command gives none: exit code 3',
    });
    expect((await findingsOf(platform, OFF))[0]).toMatchObject({ outcome: 'warning' });
  });
});
