import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ShellHooks, type ShellHooksOptions } from '../../../src/power/context/shell-hooks.ts';
import { KeptLog } from '../../support/kept-log.ts';

const NEVER = new AbortController().signal;

function hooksOf(change: Partial<ShellHooksOptions>): ShellHooks {
  return new ShellHooks({
    platform: 'vdi-01',
    beforeSuspend: null,
    afterWake: null,
    timeoutMs: 60_000,
    log: new KeptLog(),
    ...change,
  });
}

/** False for a process that has ended, also where nobody has collected it yet. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== 'linux' || !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

describe('ShellHooks', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'torpor-context-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('save: no hook -> no veto', async () => {
    expect(await hooksOf({}).save(NEVER)).toBeNull();
  });

  it('save: the hook exits with 0 -> no veto, and it knew platform and hook', async () => {
    const log = new KeptLog();
    const hooks = hooksOf({ beforeSuspend: 'echo "$TORPOR_PLATFORM $TORPOR_HOOK"', log });
    expect(await hooks.save(NEVER)).toBeNull();
    expect(log.lines[0]?.facts).toMatchObject({ output: 'vdi-01 beforeSuspend\n', exitCode: 0 });
  });

  it('save: a non-zero exit -> veto with the last line as its reason', async () => {
    const hooks = hooksOf({ beforeSuspend: 'echo checking; echo "backup is running" >&2; exit 3' });
    expect(await hooks.save(NEVER)).toBe('backup is running');
  });

  it('save: a silent non-zero exit -> veto that names the exit code', async () => {
    expect(await hooksOf({ beforeSuspend: 'exit 4' }).save(NEVER)).toBe('exit code 4');
  });

  it('save: the hook hangs -> ended with its children at the bound, veto', async () => {
    const pidFile = join(directory, 'pid');
    const hooks = hooksOf({
      beforeSuspend: `sleep 60 & echo $! > ${pidFile}; echo waiting; wait`,
      timeoutMs: 3_000,
    });
    const veto = await hooks.save(NEVER);
    expect(veto).toBe('did not end within 3000 ms (last line: waiting)');
    expect(isRunning(Number(await readFile(pidFile, 'utf8')))).toBe(false);
  });

  it('save: called off -> ends soon with a veto', async () => {
    const abort = new AbortController();
    const saving = hooksOf({ beforeSuspend: 'sleep 60' }).save(abort.signal);
    abort.abort();
    expect(await saving).toBe('was called off');
  });

  it('restore: afterWake fails -> a problem with its reason; it ends well, or there is none -> no problem', async () => {
    expect(await hooksOf({ afterWake: 'echo "clock not stepped"; exit 1' }).restore(NEVER)).toBe(
      'afterWake failed: clock not stepped',
    );
    expect(await hooksOf({ afterWake: 'true' }).restore(NEVER)).toBeNull();
    expect(await hooksOf({}).restore(NEVER)).toBeNull();
  });

  it('save: a hook that floods its output -> bounded log, no veto', async () => {
    const log = new KeptLog();
    const hooks = hooksOf({ beforeSuspend: 'head -c 5000000 /dev/zero | tr "\\0" x', log });
    expect(await hooks.save(NEVER)).toBeNull();
    const facts = log.lines[0]?.facts as { output: string } | undefined;
    expect(facts?.output.length).toBeLessThan(300_000);
  });
});
