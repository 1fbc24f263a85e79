// The fence of a press: whatever was set up before it, nothing that acts leaves once it is shut, by any way to press.
import { createHash, X509Certificate } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { PressFence, SleepSwitch } from '../../src/platform/ports.ts';
import { CombinedDriver } from '../../src/power/combined-driver.ts';
import { CommandHost } from '../../src/power/inband/command-host.ts';
import { LibvirtHost } from '../../src/power/inband/libvirt-host.ts';
import { ProxmoxClient } from '../../src/power/inband/proxmox-client.ts';
import { ProxmoxHost } from '../../src/power/inband/proxmox-host.ts';
import { SshHost } from '../../src/power/inband/ssh-host.ts';
import { Virsh } from '../../src/power/inband/virsh.ts';
import { IpmiDriver } from '../../src/power/ipmi/ipmi-driver.ts';
import { HttpsPort } from '../../src/power/redfish/https-port.ts';
import { RedfishDriver } from '../../src/power/redfish/redfish-driver.ts';
import { STANDARD_PROFILE } from '../../src/power/simulated/redfish-profiles.ts';
import { SimulatedHost } from '../../src/power/simulated/simulated-host.ts';
import { SimulatedRedfish } from '../../src/power/simulated/simulated-redfish.ts';
import { systemClock } from '../../src/system-clock.ts';
import { KeptLog } from '../support/kept-log.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { settleBy, setUpBench } from './support/bmc-bench.ts';

const NEVER = new AbortController().signal;
const SHUT = "this Torpor's ownership ran out";
const NOTHING_SENT = `nothing was sent: ${SHUT}`;
const open = () => null;
const pem = (name: string) => readFileSync(new URL(`redfish/fixtures/${name}.pem`, import.meta.url), 'utf8');
const TLS = { key: pem('bmc.key'), cert: pem('bmc.cert') };
const FINGERPRINT = createHash('sha256').update(new X509Certificate(TLS.cert).raw).digest();

const ends: Array<() => Promise<void> | void> = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A fence that keeps how often it was asked. */
function fenceOf(isOpen: () => boolean): { readonly fence: PressFence; readonly asked: () => number } {
  let asked = 0;
  const fence = () => {
    asked += 1;
    return isOpen() ? null : SHUT;
  };
  return { fence, asked: () => asked };
}

describe('press fence: IPMI', () => {
  function driverBench() {
    const bench = setUpBench();
    const driver = new IpmiDriver({ ...bench.access, sleep: 'S3' });
    return {
      ...bench,
      driver,
      press: (fence: PressFence) => settleBy(bench.clock, 20_000, driver.requestSleep(NEVER, fence)),
    };
  }

  it('open -> asked once, pressed once', async () => {
    const { host, press } = driverBench();
    const { fence, asked } = fenceOf(() => true);
    expect((await press(fence)).outcome).toBe('accepted');
    expect([asked(), host.buttonPresses]).toEqual([1, 1]);
  });

  it('shut while the session is set up -> refused, the press never leaves, and the session goes on', async () => {
    const { host, network, press, driver, clock } = driverBench();
    // As many datagrams as an unhindered press takes but the last, which presses.
    const other = driverBench();
    await other.press(open);
    const isPress = other.network.fromConsole.length;
    const { fence, asked } = fenceOf(() => network.fromConsole.length === 0);
    const answer = await press(fence);
    expect(answer).toEqual({
      outcome: 'refused',
      attempts: ['chassis status read from bmc.test:623: power on', `chassis soft not sent: ${NOTHING_SENT}`],
    });
    expect([asked(), network.fromConsole.length, host.buttonPresses]).toEqual([1, isPress - 1, 0]);
    expect((await settleBy(clock, 5_000, driver.readPower(NEVER))).acpi).toBe('S0');
    expect((await press(open)).outcome).toBe('accepted');
    expect(host.buttonPresses).toBe(1);
  });

  it('the lease runs out by the fence’s own clock, for a slow BMC or a process that stood still -> refused, nothing pressed', async () => {
    const { host, network, press, clock } = driverBench();
    network.toConsole = () => [400];
    const leaseEndMs = clock.nowMs() + 1_000;
    const answer = await press(() => (clock.nowMs() < leaseEndMs ? null : SHUT));
    expect(clock.nowMs()).toBeGreaterThan(leaseEndMs);
    expect([answer.outcome, host.buttonPresses]).toEqual(['refused', 0]);
  });
});

describe('press fence: Redfish', () => {
  it('shut while the system is read before it -> refused, no POST to the system; open again -> pressed', async () => {
    const host = new SimulatedHost({ clock: systemClock, suspendMs: 0, resumeMs: 0 });
    const users = [{ name: 'torpor', password: 'correct horse bat', role: 'Operator' as const }];
    const profile = { ...STANDARD_PROFILE, actionAnswer: 204 as const };
    const service = new SimulatedRedfish({ machine: host, clock: systemClock, users, tls: TLS, profile });
    await service.start();
    const trust = { kind: 'fingerprint', sha256: FINGERPRINT } as const;
    const access = { host: '127.0.0.1', port: service.port, user: 'torpor', password: 'correct horse bat', trust };
    const driver = new RedfishDriver({ ...access, sleep: 'S3', clock: systemClock });
    ends.push(
      () => host.stop(),
      () => service.stop(),
      () => driver.close(),
    );
    const answer = await driver.requestSleep(NEVER, () => (service.requests.length === 0 ? null : SHUT));
    expect(answer.outcome).toBe('refused');
    expect(answer.attempts.at(-1)).toContain(`not sent: ${NOTHING_SENT}`);
    expect(service.requests.filter((line) => line.startsWith('POST /redfish/v1/Systems'))).toEqual([]);
    expect((await driver.requestSleep(NEVER, open)).outcome).toBe('accepted');
    expect(host.buttonPresses).toBe(1);
  });
});

/** An HTTPS server that keeps what is asked of it; `connections` counts what TCP brought, before TLS. */
async function tlsServer() {
  const seen = { connections: 0, requests: [] as string[], port: 0 };
  const server = createServer(TLS, (request, response) => {
    seen.requests.push(`${request.method} ${request.url}`);
    response.end('{"data":null}');
  });
  server.on('connection', () => {
    seen.connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ends.push(async () => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });
  seen.port = (server.address() as AddressInfo).port;
  return seen;
}

describe('press fence: a connection of its own', () => {
  it('shut while TLS is set up -> the HTTPS port sends no request', async () => {
    const seen = await tlsServer();
    const trust = { kind: 'fingerprint', sha256: FINGERPRINT } as const;
    const port = new HttpsPort({ host: '127.0.0.1', port: seen.port, trust, clock: systemClock });
    ends.push(() => port.close());
    const question = { method: 'POST', path: '/press', headers: {}, body: '{}', delivery: 'once' } as const;
    let sent = false;
    const onSent = () => {
      sent = true;
    };
    const asking = port.ask({ ...question, onSent, fence: () => (seen.connections === 0 ? null : SHUT) }, NEVER);
    await expect(asking).rejects.toMatchObject({ code: 'ERR_POWER_FENCED' });
    expect([seen.connections, seen.requests, sent]).toEqual([1, [], false]);
    expect((await port.ask({ ...question, fence: open }, NEVER)).status).toBe(200);
  });

  it('shut while TLS is set up -> Proxmox is not asked to shut down; open -> it is', async () => {
    const seen = await tlsServer();
    const client = new ProxmoxClient({
      url: `https://127.0.0.1:${seen.port}`,
      node: 'pve-1',
      tokenId: 'torpor@pve!power',
      tokenSecret: 'secret',
      tls: { kind: 'fingerprint', sha256: FINGERPRINT.toString('hex') },
      clock: systemClock,
    });
    const host = new ProxmoxHost({ client, via: 'node', clock: systemClock });
    expect(await host.requestSleep(NEVER, () => (seen.connections === 0 ? null : SHUT))).toEqual({
      outcome: 'refused',
      attempts: [`shutdown: ${NOTHING_SENT}`],
    });
    expect([seen.connections, seen.requests]).toEqual([1, []]);
    expect((await host.requestSleep(NEVER, open)).outcome).toBe('accepted');
    expect(seen.requests).toEqual(['POST /api2/json/nodes/pve-1/status']);
  });
});

describe('press fence: programs', () => {
  function folder(): TempFolder {
    const made = new TempFolder('press-fence');
    ends.push(() => made.remove());
    return made;
  }

  /** A program in the place of the real one; that it ran shows by its file. */
  function program(into: TempFolder, name: string): string {
    const path = into.file(name);
    writeFileSync(path, `#!/bin/sh\ntouch ${into.file('ran')}\n`);
    chmodSync(path, 0o755);
    return path;
  }

  it.each<[string, (into: TempFolder) => SleepSwitch]>([
    [
      'command',
      (into) => {
        const commands = { sleep: `touch ${into.file('ran')}`, wake: null, state: null };
        return new CommandHost({
          platform: 'lab',
          ...commands,
          timeoutMs: 60_000,
          clock: systemClock,
          log: new KeptLog(),
        });
      },
    ],
    [
      'ssh',
      (into) => {
        const files = { keyFile: null, knownHostsFile: null, program: program(into, 'ssh') };
        return new SshHost({ host: '10.0.1.5', port: 22, user: 'root', sleep: 'systemctl suspend', ...files });
      },
    ],
    [
      'libvirt',
      (into) => {
        const virsh = new Virsh({ uri: 'qemu:///system', program: program(into, 'virsh') });
        return new LibvirtHost({ virsh, domain: 'host', sleep: 'S3', sleepAction: 'agent', clock: systemClock });
      },
    ],
  ])('%s: shut -> not started; open -> started', async (_name, make) => {
    const into = folder();
    const host = make(into);
    expect(await host.requestSleep(NEVER, () => SHUT)).toEqual({ outcome: 'refused', attempts: [NOTHING_SENT] });
    expect(existsSync(into.file('ran'))).toBe(false);
    expect((await host.requestSleep(NEVER, open)).outcome).toBe('accepted');
    expect(existsSync(into.file('ran'))).toBe(true);
  });
});

describe('press fence: a path out of several parts', () => {
  it('handed on to the part that presses', async () => {
    const into = new TempFolder('press-fence');
    ends.push(() => into.remove());
    const commands = { sleep: `touch ${into.file('ran')}`, wake: 'true', state: null };
    const part = new CommandHost({
      platform: 'lab',
      ...commands,
      timeoutMs: 60_000,
      clock: systemClock,
      log: new KeptLog(),
    });
    const driver = await CombinedDriver.create({
      sleep: 'S3',
      sleepSwitch: part,
      wakeSwitches: [part],
      reader: null,
      readProof: async () => ({ state: 'none' }),
      clock: systemClock,
      close: () => part.close(),
    });
    ends.push(() => driver.close());
    const answer = await driver.requestSleep(NEVER, () => SHUT);
    expect(answer).toEqual({ outcome: 'refused', attempts: ['sleep asked of command', NOTHING_SENT] });
    expect(existsSync(into.file('ran'))).toBe(false);
  });
});
