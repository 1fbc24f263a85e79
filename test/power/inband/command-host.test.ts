// A platform behind its owner's commands: what each way of ending means, and what is logged.
import { existsSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CommandHost, type CommandHostOptions } from '../../../src/power/inband/command-host.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { eventually } from '../../support/eventually.ts';
import { KeptLog } from '../../support/kept-log.ts';
import { TempFolder } from '../../support/temp-folder.ts';

const SIGNAL = new AbortController().signal;

let folder: TempFolder;
let log: KeptLog;

beforeEach(() => {
  folder = new TempFolder('command-host');
  log = new KeptLog();
});
afterEach(() => folder.remove());

function hostOf(commands: Partial<CommandHostOptions>): CommandHost {
  const nothing = { sleep: null, wake: null, state: null };
  return new CommandHost({ platform: 'lab', ...nothing, timeoutMs: 60_000, clock: systemClock, log, ...commands });
}

describe('command host', () => {
  it.each<[string, 'accepted' | 'refused' | 'unknown', string]>([
    ['exit 0', 'accepted', 'sleep command ended with 0'],
    ['echo no such host; exit 3', 'refused', 'sleep command: no such host'],
    ['exit 4', 'refused', 'sleep command: exit code 4'],
    ['kill -9 $$', 'unknown', 'sleep command: was ended by SIGKILL'],
  ])('sleep by `%s` -> %s', async (sleep, outcome, attempt) => {
    const host = hostOf({ sleep });
    expect(await host.requestSleep(SIGNAL)).toEqual({ outcome, attempts: [attempt] });
  });

  it('a command that hangs -> ended at its bound, unknown', async () => {
    const answer = await hostOf({ sleep: 'sleep 30', timeoutMs: 50 }).requestSleep(SIGNAL);
    expect(answer).toEqual({ outcome: 'unknown', attempts: ['sleep command: did not end within 50 ms'] });
  });

  it('it left a daemon behind that holds its output open -> ended all the same', async () => {
    const pidFile = folder.file('pid');
    const daemon = `echo $$ > ${pidFile}.new; mv ${pidFile}.new ${pidFile}; exec sleep 600`;
    const host = hostOf({ sleep: `setsid sh -c '${daemon}' & wait` });
    const asked = host.requestSleep(SIGNAL);
    await eventually('the daemon to run', () => existsSync(pidFile));
    await host.close();
    const answer = await asked;
    process.kill(Number(readFileSync(pidFile, 'utf8')), 'SIGKILL');
    expect(answer).toEqual({ outcome: 'unknown', attempts: ['sleep command: was called off'] });
  });

  it('called once -> run once, told what for', async () => {
    const trace = folder.file('trace');
    const host = hostOf({
      sleep: `echo "$TORPOR_PLATFORM $TORPOR_REQUEST" >> ${trace}; exit 1`,
      wake: `echo w >> ${trace}`,
    });
    await host.requestSleep(SIGNAL);
    expect(readFileSync(trace, 'utf8')).toBe('lab sleep\n');
  });

  it('closed -> what runs is ended, nothing runs any more', async () => {
    const trace = folder.file('trace');
    const host = hostOf({ wake: `echo w > ${trace}` });
    await host.close();
    expect(await host.requestWake('host-command', SIGNAL)).toEqual({
      outcome: 'refused',
      attempts: ['wake command: was called off'],
    });
    expect(existsSync(trace)).toBe(false);
  });

  it.each([
    ['S0', 'S0'],
    ['S3', 'S3'],
    [' S5 ', 'S5'],
    ['unknown', null],
  ])('state prints %j -> %s, by command', async (text, acpi) => {
    const reading = await hostOf({ state: `echo "${text}"; echo chatter >&2` }).readPower(SIGNAL);
    expect(reading).toMatchObject({ acpi, acpiSource: acpi === null ? null : 'command', powerBit: null, watts: null });
  });

  it.each([
    ['echo on', 'printed "on": it must print S0, S1, S2, S3, S4, S5 or unknown'],
    ['echo s3', 'printed "s3"'],
    ['true', 'printed ""'],
    ['echo S0; exit 1', 'the state command failed: S0'],
  ])('state by `%s` -> ERR_POWER_COMMAND that says what to print', async (state, problem) => {
    const read = hostOf({ state }).readPower(SIGNAL);
    await expect(read).rejects.toMatchObject({ code: 'ERR_POWER_COMMAND', message: expect.stringContaining(problem) });
  });

  it('a state command that hangs -> ended at its bound, ERR_POWER_COMMAND', async () => {
    const read = hostOf({ state: 'sleep 30', timeoutMs: 50 }).readPower(SIGNAL);
    const message = expect.stringContaining('did not end within');
    await expect(read).rejects.toMatchObject({ code: 'ERR_POWER_COMMAND', message });
  });

  it('output -> in the log, bounded; of the state command, asked all the time, at debug only', async () => {
    const host = hostOf({ sleep: 'head -c 200000 /dev/zero | tr "\\0" x', state: 'echo S0' });
    await host.requestSleep(SIGNAL);
    await host.readPower(SIGNAL);
    const info = log.lines.filter(({ level }) => level === 'info');
    expect(info).toHaveLength(1);
    expect(JSON.stringify(info[0]).length).toBeLessThan(140_000);
  });

  it('what is not configured -> a part that cannot do it; the wake is never proven by itself', async () => {
    const host = hostOf({ wake: 'true' });
    expect([host.sleep, host.wake, host.reader]).toEqual([null, host, null]);
    expect(await host.proveWake()).toMatchObject({ proven: false, needsRecord: true });
  });
});
