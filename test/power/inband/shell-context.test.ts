import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ShellContext, type ShellContextOptions } from '../../../src/power/inband/shell-context.ts';
import { KeptLog } from '../../support/kept-log.ts';

const NEVER = new AbortController().signal;

function contextOf(change: Partial<ShellContextOptions>): ShellContext {
  return new ShellContext({
    platform: 'vdi-01',
    beforeSuspend: null,
    afterWake: null,
    hookTimeoutMs: 5_000,
    identities: [],
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

describe('ShellContext', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'torpor-context-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('save: no hook -> no veto', async () => {
    expect(await contextOf({}).save(NEVER)).toEqual({ veto: null });
  });

  it('save: the hook exits with 0 -> no veto, and it knew platform and hook', async () => {
    const log = new KeptLog();
    const context = contextOf({ beforeSuspend: 'echo "$TORPOR_PLATFORM $TORPOR_HOOK"', log });
    expect(await context.save(NEVER)).toEqual({ veto: null });
    expect(log.lines[0]?.facts).toMatchObject({ output: 'vdi-01 beforeSuspend\n', exitCode: 0 });
  });

  it('save: a non-zero exit -> veto with the last line as its reason', async () => {
    const context = contextOf({ beforeSuspend: 'echo checking; echo "backup is running" >&2; exit 3' });
    expect(await context.save(NEVER)).toEqual({ veto: 'backup is running' });
  });

  it('save: a silent non-zero exit -> veto that names the exit code', async () => {
    expect(await contextOf({ beforeSuspend: 'exit 4' }).save(NEVER)).toEqual({ veto: 'exit code 4' });
  });

  it('save: the hook hangs -> ended with its children at the bound, veto', async () => {
    const pidFile = join(directory, 'pid');
    const context = contextOf({
      beforeSuspend: `sleep 60 & echo $! > ${pidFile}; echo waiting; wait`,
      hookTimeoutMs: 300,
    });
    const { veto } = await context.save(NEVER);
    expect(veto).toBe('did not end within 300 ms (last line: waiting)');
    expect(isRunning(Number(await readFile(pidFile, 'utf8')))).toBe(false);
  });

  it('save: called off -> ends soon with a veto', async () => {
    const abort = new AbortController();
    const saving = contextOf({ beforeSuspend: 'sleep 60' }).save(abort.signal);
    abort.abort();
    expect((await saving).veto).toBe('was called off');
  });

  it('restore: the identity is the same -> same; it changed -> changed; it cannot be read -> unknown', async () => {
    const file = join(directory, 'boot-id');
    await writeFile(file, 'one');
    const context = contextOf({ identities: [{ vm: 'desk', command: `cat ${file}` }] });
    await context.save(NEVER);
    expect((await context.restore(NEVER)).identity).toBe('same');
    await writeFile(file, 'two');
    expect((await context.restore(NEVER)).identity).toBe('changed');
    await rm(file);
    expect((await context.restore(NEVER)).identity).toBe('unknown');
  });

  it('restore: afterWake fails -> a problem with its reason, identity judged all the same', async () => {
    const context = contextOf({
      afterWake: 'echo "clock not stepped"; exit 1',
      identities: [{ vm: 'desk', command: 'echo fixed' }],
    });
    await context.save(NEVER);
    expect(await context.restore(NEVER)).toEqual({
      identity: 'same',
      problem: 'afterWake failed: clock not stepped',
    });
  });

  it('save: a hook that floods its output -> bounded log, no veto', async () => {
    const log = new KeptLog();
    const context = contextOf({ beforeSuspend: 'head -c 5000000 /dev/zero | tr "\\0" x', log });
    expect(await context.save(NEVER)).toEqual({ veto: null });
    const facts = log.lines[0]?.facts as { output: string } | undefined;
    expect(facts?.output.length).toBeLessThan(300_000);
  });
});
