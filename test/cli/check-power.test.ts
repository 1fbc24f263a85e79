// `torpor check` on joined power paths: what each part can do, and broken set-ups whose table says what to change.
import { chmodSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type StandaloneBmc, startStandaloneBmc } from '../../src/power/simulated/standalone-bmc.ts';
import { systemClock } from '../../src/system-clock.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { FakeIo } from './fakes/fake-io.ts';

const PASSWORD = 'hunter2';
const SECURE_ON = 'de:ad:be:ef:00:01';

let folder: TempFolder;
let bmc: StandaloneBmc;
let vmPort: number;
let path: string | undefined;
const ends: Array<() => Promise<unknown> | unknown> = [];

beforeEach(async () => {
  folder = new TempFolder('check-power');
  ends.push(() => folder.remove());
  bmc = await startStandaloneBmc({ clock: systemClock, port: 0, user: 'torpor', password: PASSWORD });
  ends.push(() => bmc.stop());
  const server = createServer((socket) => socket.on('error', () => {}).resume());
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve));
  ends.push(() => server.close());
  vmPort = (server.address() as AddressInfo).port;
  path = process.env.PATH;
});

afterEach(async () => {
  process.env.PATH = path;
  for (const end of ends.splice(0).reverse()) await end();
});

/** An ssh client that says this and ends so, first in the PATH. */
function standInForSsh(script: string): void {
  writeFileSync(folder.file('ssh'), `#!/bin/sh\n${script}\n`);
  chmodSync(folder.file('ssh'), 0o755);
  process.env.PATH = `${folder.path}:${path}`;
}

async function check(power: readonly string[]): Promise<{ code: number; table: string }> {
  writeFileSync(folder.file('password'), PASSWORD, { mode: 0o600 });
  writeFileSync(
    folder.file('torpor.yaml'),
    `api: { listen: "127.0.0.1:0" }
stateDir: state
platforms:
  - name: lab
    power:
${power.map((line) => `      ${line}`).join('\n')}
    vms: [{ name: one, listeners: [{ listen: "127.0.0.1:0", target: "127.0.0.1:${vmPort}", probe: tcp }] }]
`,
  );
  const io = new FakeIo();
  const code = await io.run('check', '--config', folder.file('torpor.yaml'));
  expect(io.stdout + io.stderr).not.toContain(PASSWORD);
  expect(io.stdout + io.stderr).not.toContain(SECURE_ON);
  return { code, table: io.stdout };
}

const bmcLine = (port = bmc.port) =>
  `bmc: { driver: ipmi, host: 127.0.0.1, port: ${port}, user: torpor, passwordFile: password }`;
const WOL = `wol: { mac: "00:11:22:33:44:55", interface: lo, password: "${SECURE_ON}" }`;
const SSH = 'host: { driver: ssh, host: 10.0.1.5 }';

describe('check of a joined power path', () => {
  it('SSH, Wake-on-LAN and a BMC that reads -> each part’s line, and who does what', async () => {
    standInForSsh('echo "Authenticated to 10.0.1.5 ([10.0.1.5]:22)" >&2; echo "freeze mem"; echo "s2idle [deep]"');
    const { code, table } = await check([bmcLine(), WOL, SSH, 'sleepBy: host', 'wakeBy: [wol, bmc]']);
    expect(table).toMatch(/ok +power path +sleep by host; wake by wol, then bmc; state by bmc/);
    expect(table).toMatch(/ok +login +user torpor is let in/);
    expect(table).toMatch(/ok +host login +ssh root@10\.0\.1\.5:22 lets us in/);
    expect(table).toMatch(/ok +host sleep states +S3/);
    expect(table).toMatch(
      /ok +wake-on-lan +00:11:22:33:44:55 from 127\.0\.0\.1 to 255\.255\.255\.255.*port 9, 3 times/,
    );
    expect(table).toMatch(
      /ok +wake path +nothing comes back on Wake-on-LAN.*run torpor check --prove once \| operator session/,
    );
    expect(code).toBe(0);
  });

  it.each<[string, () => string[], string, RegExp[]]>([
    [
      'the host’s key is not known',
      () => [SSH, WOL],
      'echo "Host key verification failed." >&2; exit 255',
      [
        /FAILED +host login +Host key verification failed/,
        /-> compare the host's key .* ssh-keyscan -p 22 10\.0\.1\.5 >>/,
      ],
    ],
    [
      'the host only knows s2idle, and nothing but probes tells',
      () => [SSH, WOL],
      'echo "Authenticated to x" >&2; echo "freeze mem"; echo "[s2idle]"',
      [
        /warning +host sleep states +no S3, only s2idle/,
        /-> look for S3 in its firmware, or give the configuration sleep: S5/,
        /warning +state +nothing tells S3 from S0/,
        /FAILED +wake path +nothing comes back on Wake-on-LAN.*: run torpor check --prove once/,
      ],
    ],
    [
      'the interface for Wake-on-LAN is not there',
      () => [bmcLine(), 'wol: { mac: "00:11:22:33:44:55", interface: eth99 }'],
      '',
      [/FAILED +wake-on-lan +this machine has no interface eth99/, /-> write the interface that leads to the platform/],
    ],
    [
      'the state command prints something else',
      () => ['host: { driver: command, sleep: "true", wake: "true", state: "echo running" }'],
      '',
      [
        /FAILED +state +the state command printed "running": it must print S0/,
        /FAILED +wake path +whether the wake command/,
      ],
    ],
    [
      'the BMC is silent beside Wake-on-LAN',
      () => [bmcLine(1), WOL],
      '',
      [
        /FAILED +BMC +/,
        /-> look at power\.bmc\.host and port/,
        /ok +wake-on-lan /,
        /FAILED +wake path .*nothing comes back on Wake-on-LAN.*: run torpor check --prove once/,
      ],
    ],
    [
      'the BMC answers, and with an error of its own',
      () => {
        bmc.bmc.faults.refuse.set('Get Device ID', 0xff);
        return [bmcLine()];
      },
      '',
      // No word of cable or address: it was reached.
      [/FAILED +BMC +Get Device ID on BMC .* unspecified error \(FFh\)\n +- +cipher suite/],
    ],
  ])('broken: %s -> a table that says what to change', async (_title, power, ssh, lines) => {
    if (ssh !== '') standInForSsh(ssh);
    const { code, table } = await check(power());
    for (const line of lines) expect(table).toMatch(line);
    expect(code).toBe(1);
  });
});
