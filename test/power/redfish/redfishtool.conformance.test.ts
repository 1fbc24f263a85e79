// Debian's redfishtool (DMTF) as client of the simulated Redfish service, over TLS, by session and by basic authentication, on every profile.
import { readFileSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { REDFISH_PROFILES, type RedfishProfile } from '../../../src/power/simulated/redfish-profiles.ts';
import { SimulatedHost } from '../../../src/power/simulated/simulated-host.ts';
import { SimulatedRedfish } from '../../../src/power/simulated/simulated-redfish.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { eventually } from '../../support/eventually.ts';
import { describeWhere, findProgram, requires } from '../../support/requirements.ts';
import { type ProgramResult, runProgram } from '../support/peer-program.ts';

const PASSWORD = 'correct-horse-bat';
const pem = (name: string) => readFileSync(new URL(`fixtures/${name}.pem`, import.meta.url), 'utf8');
const TLS = { key: pem('bmc.key'), cert: pem('bmc.cert') };
const MISSING = requires(['redfishtool']);

interface Stage {
  readonly service: SimulatedRedfish;
  readonly host: SimulatedHost;
  readonly tool: (auth: 'Basic' | 'Session', ...args: string[]) => Promise<ProgramResult>;
}

const ends: Array<() => Promise<unknown> | unknown> = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function stageOf(profile: RedfishProfile): Promise<Stage> {
  const host = new SimulatedHost({ clock: systemClock, suspendMs: 100, resumeMs: 100 });
  const users = [{ name: 'torpor', password: PASSWORD, role: 'Operator' as const }];
  const service = new SimulatedRedfish({ machine: host, clock: systemClock, users, tls: TLS, profile });
  await service.start();
  ends.push(() => service.stop());
  ends.push(() => host.stop());
  const tool: Stage['tool'] = (auth, ...args) => {
    const common = [
      '-r',
      `127.0.0.1:${service.port}`,
      '-u',
      'torpor',
      '-p',
      PASSWORD,
      '-S',
      'Always',
      '-A',
      auth,
      '-T',
      '30',
      '-n',
    ];
    return runProgram(findProgram('redfishtool') as string, [...common, ...args]);
  };
  return { service, host, tool };
}

const PROFILES = Object.values(REDFISH_PROFILES);

describeWhere(MISSING, 'redfishtool as client of our service', () => {
  it.each(PROFILES.map((profile) => [profile.name, profile] as const))(
    '%s: root, system, chassis, by session and by basic -> read; the session is ended',
    async (_, profile) => {
      const { service, tool } = await stageOf(profile);
      const root = await tool('Session', 'root');
      expect(root.stderr).toBe('');
      expect(JSON.parse(root.stdout)).toMatchObject({ RedfishVersion: '1.17.0' });
      const system = await tool('Session', 'Systems', '-1', 'get');
      expect(JSON.parse(system.stdout)).toMatchObject({ Id: profile.systemId, PowerState: 'On' });
      const chassis = await tool('Basic', 'Chassis', '-1', 'get');
      expect(JSON.parse(chassis.stdout)).toMatchObject({ Id: profile.chassisId });
      expect(service.sessionsMade).toBeGreaterThan(0);
      expect(service.sessionCount).toBe(0);
    },
  );

  it.each(PROFILES.map((profile) => [profile.name, profile] as const))(
    '%s: reset by what it allows -> asleep, then awake by On; what it does not allow is refused by the tool',
    async (_, profile) => {
      const { service, host, tool } = await stageOf(profile);
      const sleepBy = profile.resetTypes.includes('PushPowerButton') ? 'PushPowerButton' : 'GracefulShutdown';
      const slept = await tool('Session', 'Systems', '-1', 'reset', sleepBy);
      expect(slept).toMatchObject({ exitCode: 0 });
      await eventually('S3', () => host.powerState() === 'S3');
      const woke = await tool('Basic', 'Systems', '-1', 'reset', 'On');
      expect(woke).toMatchObject({ exitCode: 0 });
      await eventually('S0', () => host.phase === 'running');
      expect(service.resets).toEqual([sleepBy, 'On']);
      if (profile.resetTypes.includes('PowerCycle')) return;
      const refused = await tool('Basic', 'Systems', '-1', 'reset', 'PowerCycle');
      expect(refused.exitCode).not.toBe(0);
      expect(`${refused.stdout}${refused.stderr}`).toContain('not supported by the remote service');
    },
  );

  it('a task -> followed to its end', async () => {
    const { service, tool } = await stageOf(REDFISH_PROFILES.standard as RedfishProfile);
    service.faults.taskMs = 1500;
    expect(await tool('Session', 'Systems', '-1', 'reset', 'PushPowerButton')).toMatchObject({ exitCode: 0 });
    expect(service.requests.filter((line) => line.includes('TaskMonitors')).length).toBeGreaterThan(1);
  });

  it('a PATCH with the ETag of what was read -> taken; with an old one -> 412', async () => {
    const { tool } = await stageOf(REDFISH_PROFILES.standard as RedfishProfile);
    expect(await tool('Session', 'Systems', '-1', 'setAssetTag', 'rack-7')).toMatchObject({ exitCode: 0 });
    expect(JSON.parse((await tool('Session', 'Systems', '-1', 'get')).stdout)).toMatchObject({ AssetTag: 'rack-7' });
    const stale = await tool(
      'Basic',
      '-H',
      '{"If-Match": "\\"old\\""}',
      '-d',
      '{"AssetTag":"x"}',
      'raw',
      'PATCH',
      '/redfish/v1/Systems/1',
    );
    expect(stale.exitCode).not.toBe(0);
    expect(`${stale.stdout}${stale.stderr}`).toContain('412');
  });

  it('sessions, accounts, roles -> as the tool expects them', async () => {
    const { tool } = await stageOf(REDFISH_PROFILES.standard as RedfishProfile);
    const service = await tool('Basic', 'SessionService', 'get');
    expect(JSON.parse(service.stdout)).toMatchObject({ ServiceEnabled: true });
    const accounts = await tool('Basic', 'AccountService', 'Accounts', 'list');
    expect(accounts.stdout).toContain('torpor');
    const roles = await tool('Basic', 'AccountService', 'Roles', 'list');
    expect(roles.stdout).toContain('Operator');
  });

  it('a wrong password -> not let in', async () => {
    const { service, tool } = await stageOf(REDFISH_PROFILES.standard as RedfishProfile);
    const denied = await tool('Session', '-p', 'wrong', 'Systems', '-1', 'get');
    expect(denied.exitCode).not.toBe(0);
    expect(service.sessionsMade).toBe(0);
  });
});
