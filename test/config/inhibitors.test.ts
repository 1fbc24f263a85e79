// What stands under `inhibitors`: every default, every unit, and what is refused with its line.
import { describe, expect, it } from 'vitest';
import { HOST_CHECKS, NO_INHIBITORS } from '../../src/config/inhibitors-config.ts';
import { parseConfig } from '../../src/config/load-config.ts';
import type { TorporError } from '../../src/platform/errors.ts';

/** One platform with lines under `inhibitors`, which begins at line 7. */
function withInhibitors(lines: string, power = ''): string {
  return `platforms:
  - name: lab
    power:
      bmc: { driver: ipmi, host: lab-bmc.example, user: torpor, passwordEnv: LAB_BMC }
${power === '' ? '      sleep: S3' : `      ${power}`}
    inhibitors:
${lines.replace(/^/gm, '      ')}
    vms:
      - name: one
        listeners:
          - { listen: "127.0.0.1:2222", target: "10.0.0.7:22" }
`;
}

function parse(lines: string, power?: string) {
  return parseConfig(withInhibitors(lines, power), 'torpor.yaml', '/etc/torpor');
}

function inhibitorsOf(lines: string, power?: string) {
  return parse(lines, power).config.platforms[0]?.inhibitors;
}

function refusal(lines: string): TorporError {
  try {
    parse(lines);
  } catch (error) {
    return error as TorporError;
  }
  throw new Error('it was accepted');
}

describe('inhibitors', () => {
  it('left out -> none, but a watchdog blocks', () => {
    expect(inhibitorsOf('{}')).toEqual(NO_INHIBITORS);
  });

  it('everything -> units, names and defaults', () => {
    const found = inhibitorsOf(
      `awake: [ { cron: "0 8 * * mon-fri", for: 10h, timezone: Europe/Berlin, why: office hours } ]
wakeAt: [ { name: backup, cron: "@daily", for: 1h, timezone: UTC } ]
checks:
  - { name: rsync, command: "! pgrep -x rsync" }
  - { name: nas, url: "http://10.0.1.5:9000/busy", every: 30s, timeout: 2s, onError: ignore }
busyWatts: { margin: 60 }
watchdog: ignore
maxSuspendsPerHour: 6
hostChecks:
  run: "ssh -o BatchMode=yes root@vdi-01 sh -s"
  checks: [quorum, vfio]
  ports: [22, "5900-5910"]
  torporAddresses: ["10.0.0.2"]`,
      'watts: { idle: 180 }',
    );
    expect(found).toEqual({
      awake: [
        { name: 'awake-1', cron: '0 8 * * mon-fri', timezone: 'Europe/Berlin', forMs: 36_000_000, why: 'office hours' },
      ],
      wakeAt: [{ name: 'backup', cron: '@daily', timezone: 'UTC', forMs: 3_600_000, why: '@daily (UTC)' }],
      checks: [
        {
          name: 'rsync',
          ask: { kind: 'command', command: '! pgrep -x rsync' },
          everyMs: 60_000,
          timeoutMs: 10_000,
          onError: 'block',
        },
        {
          name: 'nas',
          ask: { kind: 'url', url: 'http://10.0.1.5:9000/busy' },
          everyMs: 30_000,
          timeoutMs: 2_000,
          onError: 'ignore',
        },
      ],
      busyWatts: { margin: 60, forMs: 120_000, idle: 180 },
      watchdog: 'ignore',
      maxSuspendsPerHour: 6,
      hostChecks: {
        run: 'ssh -o BatchMode=yes root@vdi-01 sh -s',
        everyMs: 300_000,
        timeoutMs: 30_000,
        onError: 'block',
        checks: ['quorum', 'vfio'],
        ports: [
          { from: 22, to: 22 },
          { from: 5900, to: 5910 },
        ],
        torporAddresses: ['10.0.0.2'],
      },
    });
  });

  it('hostChecks with a channel alone -> every check, the usual ports', () => {
    const found = inhibitorsOf('hostChecks: { run: "sh -s" }')?.hostChecks;
    expect(found?.checks).toEqual(HOST_CHECKS);
    expect(found?.ports).toContainEqual({ from: 5900, to: 5999 });
  });

  it('a schedule without a time zone -> that of this machine', () => {
    const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
    expect(inhibitorsOf('awake: [ { cron: "0 8 * * *", for: 1h } ]')?.awake[0]?.timezone).toBe(here);
  });

  it('busyWatts without watts.idle -> a doubt, with its line', () => {
    expect(parse('busyWatts: { margin: 60 }').warnings).toEqual([
      expect.stringMatching(/torpor.yaml:7: .*power\.watts\.idle is not set/),
    ]);
    expect(parse('busyWatts: { margin: 60 }', 'watts: { idle: 180 }').warnings).toEqual([]);
  });

  it.each([
    ['awake: [ { cron: "0 25 * * *", for: 1h } ]', 'Invalid value for hour: 25'],
    ['awake: [ { cron: "0 3 30 2 *", for: 1h } ]', 'never comes'],
    ['awake: [ { cron: "* * * * * *", for: 1h } ]', 'not five fields'],
    ['awake: [ { cron: "2026-01-01T00:00:00", for: 1h } ]', 'not five fields'],
    ['awake: [ { cron: "@reboot", for: 1h } ]', 'cron'],
    ['awake: [ { cron: 5, for: 1h } ]', 'is no text'],
    ['awake: [ { cron: "0 3 * * *" } ]', 'for: is missing'],
    ['awake: [ { cron: "0 3 * * *", for: 30s } ]', 'too short'],
    ['awake: [ { cron: "0 3 * * *", for: 8d } ]', 'write 7d or less'],
    ['awake: [ { cron: "0 3 * * *", for: 1h, timezone: Mars/Olympus } ]', 'is no time zone'],
    ['wakeAt: [ { cron: "0 3 * * *", for: 1h, name: "a b" } ]', 'does not fit'],
    ['checks: [ { name: a } ]', 'needs a command or a url'],
    ['checks: [ { name: a, command: "true", url: "http://x/" } ]', 'not both'],
    ['checks: [ { name: a, url: "ftp://x/" } ]', 'no http address'],
    ['checks: [ { name: a, command: "true", every: 1s } ]', 'too short'],
    ['checks: [ { name: a, command: "true", timeout: 10m } ]', 'write 5m or less'],
    ['checks: [ { name: a, command: "true", onError: panic } ]', 'one of block, ignore'],
    ['busyWatts: { margin: much }', 'a number of watts'],
    ['watchdog: maybe', 'one of block, ignore'],
    ['maxSuspendsPerHour: 0', 'from 1 to 60'],
    ['hostChecks: { checks: [quorum] }', 'run: is missing'],
    ['hostChecks: { run: "sh -s", checks: [quorom] }', 'not known'],
    ['hostChecks: { run: "sh -s", ports: ["90-80"] }', 'is neither'],
    ['hostChecks: { run: "sh -s", torporAddresses: [gate] }', 'is none'],
    ['maxSuspendPerHour: 6', 'did you mean `maxSuspendsPerHour`'],
  ])('%s -> refused: %s', (lines, problem) => {
    const { code, message } = refusal(lines);
    expect(code).toBe('ERR_CONFIG_INVALID');
    expect(message).toMatch(/^torpor\.yaml:\d+: platforms\[0\]\.inhibitors/);
    expect(message).toContain(problem);
  });

  it('two checks, or two schedules, of one name -> refused', () => {
    expect(refusal('checks: [ { name: a, command: "true" }, { name: a, command: "true" } ]').message).toContain(
      'another check is called "a"',
    );
    const twins =
      'awake: [ { name: a, cron: "0 3 * * *", for: 1h } ]\nwakeAt: [ { name: a, cron: "0 3 * * *", for: 1h } ]';
    expect(refusal(twins).message).toContain('another schedule is called "a"');
  });

  it('a password in a check’s address -> refused, and not shown', () => {
    const { message } = refusal('checks: [ { name: a, url: "http://torpor:hunter2@x/" } ]');
    expect(message).toContain('holds a user or a password');
    expect(message).not.toContain('hunter2');
  });
});
