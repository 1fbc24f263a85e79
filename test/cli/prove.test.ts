// `torpor check --prove` over real RMCP+ and TCP against a simulated platform: direct, through a running Torpor, and refused.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startApi } from '../../src/api/start-api.ts';
import { runTorpor } from '../../src/compose.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import type { PlatformProof } from '../../src/platform/proof.ts';
import { SimulatedPlatform, type SimulatedPlatformOptions } from '../../src/power/simulated/simulated-platform.ts';
import { systemClock } from '../../src/system-clock.ts';
import { FakeFarm, fakePlatform } from '../api/fakes/fake-farm.ts';
import { eventually } from '../support/eventually.ts';
import { KeptLog } from '../support/kept-log.ts';
import { freePort } from '../support/ports.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { FakeIo } from './fakes/fake-io.ts';

const PASSWORD = 'hunter2';

let folder: TempFolder;
let io: FakeIo;
const ends: Array<() => Promise<unknown> | unknown> = [];

beforeEach(() => {
  folder = new TempFolder('prove');
  ends.push(() => folder.remove());
  io = new FakeIo();
});

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function startPlatform(changes: Partial<SimulatedPlatformOptions> = {}): Promise<SimulatedPlatform> {
  const platform = new SimulatedPlatform({
    clock: systemClock,
    user: 'torpor',
    password: PASSWORD,
    suspendMs: 100,
    resumeMs: 100,
    vms: [{ name: 'desk' }],
    ...changes,
  });
  await platform.start();
  ends.push(() => platform.stop());
  return platform;
}

function writeConfig(
  platform: SimulatedPlatform,
  more: { apiPort?: number; power?: string; mode?: string; identity?: string; suspendTimeout?: string } = {},
): string {
  const path = folder.file('torpor.yaml');
  writeFileSync(folder.file('password'), PASSWORD, { mode: 0o600 });
  writeFileSync(
    path,
    `api: { listen: "127.0.0.1:${more.apiPort ?? 0}" }
stateDir: state
platforms:
  - name: lab
    mode: ${more.mode ?? 'observe'}
    drowsyFor: 100ms
    minAwake: 10m
    context: ${more.identity === undefined ? '{}' : `{ identity: ${more.identity} }`}
    power:
      suspendTimeout: ${more.suspendTimeout ?? '30s'}
      wakeTimeout: 60s
      bmc: { driver: ipmi, host: 127.0.0.1, port: ${platform.bmcPort}, user: torpor, passwordFile: password }
      ${more.power ?? ''}
    vms:
      - name: desk
        listeners:
          - { listen: "127.0.0.1:0", target: "127.0.0.1:${platform.vm('desk').port}", protocol: raw, probe: tcp }
`,
  );
  return path;
}

/** It settles long enough for a busy machine to read its BMC in each state. */
const prove = (path: string, ...more: string[]) => io.run('check', '--config', path, '--settle', '2s', ...more);
const proofPath = () => folder.file('state/proofs/lab.json');
const readProof = () => JSON.parse(readFileSync(proofPath(), 'utf8')) as PlatformProof;

describe('check --prove', () => {
  it('a platform that works -> one press, awake again, a table, a proof that check then shows', async () => {
    const platform = await startPlatform({ powerBitInS3: true });
    const path = writeConfig(platform);
    expect(await prove(path, '--prove', '--yes'), io.stdout + io.stderr).toBe(0);
    expect(platform.host.buttonPresses).toBe(1);
    expect(platform.host.phase).toBe('running');
    expect(io.stdout).toMatch(/acpi +awake S0 +asleep S3 +differs/);
    expect(io.stdout).toMatch(/power-bit +awake on +asleep on +does not tell/);
    expect(io.stdout).toMatch(/watts +awake 184 W +asleep 8 W +differs/);
    expect(io.stdout).toContain('lab: proven, woken by chassis-on');
    expect(io.stdout + io.stderr + readFileSync(proofPath(), 'utf8')).not.toContain(PASSWORD);
    const learned = { witness: 'sensor', idleWatts: 184 };
    expect(readProof()).toMatchObject({ platform: 'lab', wokeBy: 'chassis-on', identity: 'unknown', learned });
    const again = new FakeIo();
    expect(await again.run('check', '--config', path)).toBe(0);
    expect(again.stdout).toMatch(/ok +proof +woken by chassis-on on \d{4}-\d\d-\d\d; sleep is told by sensor/);
  });

  it('a BMC that tells by watts alone -> that is learned, --json says it, progress on stderr', async () => {
    const platform = await startPlatform({ acpiSensor: false, acpiCommand: false, powerBitInS3: true });
    const path = writeConfig(platform);
    expect(await prove(path, '--prove', 'lab', '--yes', '--json'), io.stderr).toBe(0);
    const answer = JSON.parse(io.stdout) as { ok: boolean; learned: PlatformProof['learned'] };
    expect(answer).toMatchObject({ ok: true, learned: { witness: 'watts' } });
    expect(answer.learned?.watts?.asleepAtMost).toBeGreaterThan(8);
    expect(io.stderr).toContain('asked for sleep, once: accepted');
    const again = new FakeIo();
    expect(await again.run('check', '--config', path)).toBe(0);
    expect(again.stdout).toMatch(/ok +state +power on, S3 is told by watts/);
  });

  it('another power configuration afterwards -> the proof is stale, and says so', async () => {
    const platform = await startPlatform();
    await prove(writeConfig(platform), '--prove', '--yes');
    const path = writeConfig(platform, { power: 'wol: { mac: "00:11:22:33:44:55", address: 127.0.0.1 }' });
    const again = new FakeIo();
    expect(await again.run('check', '--config', path)).toBe(0);
    expect(again.stdout).toMatch(
      /warning +proof +the proof of .* was made with another power configuration: run torpor/,
    );
  });

  it('the button is ignored -> exit code 1, one press, no proof, awake', async () => {
    const platform = await startPlatform({ button: 'ignore' });
    expect(await prove(writeConfig(platform, { suspendTimeout: '2s' }), '--prove', '--yes')).toBe(1);
    expect(platform.host.buttonPresses).toBe(1);
    expect(io.stdout).toContain('lab: not proven: it did not fall asleep within 2s: VM desk answers');
    expect(existsSync(proofPath())).toBe(false);
  });

  it('no terminal and no --yes -> bad usage, nothing pressed', async () => {
    const platform = await startPlatform();
    expect(await prove(writeConfig(platform), '--prove')).toBe(2);
    expect(io.stderr).toContain('add --yes');
    expect(platform.host.buttonPresses).toBe(0);
  });

  it.each([
    ['yes\n', 2, 0],
    ['lab\n', 0, 1],
  ])('a person who types %j -> exit code %i, %i presses', async (typed, code, presses) => {
    const platform = await startPlatform();
    io.inIsTerminal = true;
    io.outIsTerminal = true;
    io.stdin = [new TextEncoder().encode(typed)];
    expect(await prove(writeConfig(platform), '--prove')).toBe(code);
    expect(io.stdout).toContain('Type lab to go on: ');
    expect(platform.host.buttonPresses).toBe(presses);
  });

  it('a platform that is not there -> bad usage that names those that are', async () => {
    const platform = await startPlatform();
    expect(await prove(writeConfig(platform), '--prove', 'vdi-09', '--yes')).toBe(2);
    expect(io.stderr).toContain('the configuration has no platform "vdi-09"; it has lab');
  });

  it.each([
    ['armed', 'asks for a wake by the running Torpor'],
    ['observe', 'asks for a wake by chassis-on'],
  ])('a running Torpor that is %s -> proven all the same; it picks the proof up', async (mode, told) => {
    const platform = await startPlatform();
    const apiPort = await freePort();
    const boot = folder.file('boot-id');
    writeFileSync(boot, platform.host.bootId);
    const path = writeConfig(platform, { apiPort, mode, identity: `{ command: "cat ${boot}" }` });
    const { config } = await loadConfig(path);
    const torpor = await runTorpor(config, { log: new KeptLog() });
    ends.push(() => torpor.stop());
    await eventually(
      'wake path',
      () => torpor.farm.platform('lab').wakeProven && torpor.farm.platform('lab').state === 'awake',
    );
    expect(await prove(path, '--prove', '--yes'), io.stdout + io.stderr).toBe(0);
    expect(io.stdout).toContain(told);
    expect(platform.host.buttonPresses).toBe(1);
    expect(readProof()).toMatchObject({ identity: 'same', wokeBy: 'chassis-on', learned: { witness: 'sensor' } });
    await eventually('awake', () => torpor.farm.platform('lab').state === 'awake');
  });

  it.each<[string, Parameters<typeof fakePlatform>[0], string]>([
    ['active clients', { pool: 1 }, 'lab has active clients'],
    [
      'an operator’s inhibitor',
      { inhibitors: [{ name: 'operator', kind: 'operator', why: 'backup', untilMs: null, sinceMs: 0 }] },
      'lab is kept awake by',
    ],
    ['a sleep', { state: 'asleep' }, 'lab is asleep'],
  ])('a running Torpor with %s -> refused, nothing pressed', async (_title, status, why) => {
    const platform = await startPlatform();
    const farm = new FakeFarm();
    farm.statuses = [fakePlatform({ name: 'lab', pool: 0, inhibitors: [], ...status })];
    const api = await startApi(farm, { listen: { host: '127.0.0.1', port: 0 }, log: new KeptLog(), version: '0' });
    ends.push(() => api.close());
    const path = writeConfig(platform, { apiPort: Number(new URL(api.url).port) });
    expect(await prove(path, '--prove', '--yes')).toBe(1);
    expect(io.stderr).toContain(why);
    expect(platform.host.buttonPresses).toBe(0);
  });
});
