// A log that nobody takes any more: Torpor has clients to carry, and goes on.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { spawnTied } from '../support/spawn-tied.ts';
import { E2E_TIMEOUT_MS, Stage } from './support/stage.ts';

const PROGRAM = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** `torpor run` with its log there, and what it says on stderr. */
function runWithLog(stage: Stage, stdout: number | 'pipe') {
  const args = [PROGRAM, 'run', '--config', stage.configPath];
  const child = spawnTied(process.execPath, args, { stdio: ['ignore', stdout, 'pipe'] });
  const ended = once(child, 'close').then(([code]) => code as number | null);
  let errors = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  return { child, ended, errors: () => errors };
}

/** Resolves once it runs. Rejects at once where it has ended. */
async function answers(stage: Stage, child: ChildProcess): Promise<void> {
  const asked = async () => child.exitCode !== null || (await fetch(`http://127.0.0.1:${stage.apiPort}/healthz`)).ok;
  await eventually('its API to answer', asked, { withinMs: 120_000 });
  expect(child.exitCode).toBeNull();
}

describe.concurrent('a log that cannot be written', { timeout: E2E_TIMEOUT_MS }, () => {
  test('run: a full disk under the log -> runs on and says so once, carries a client, ends in order', async () => {
    await using stage = await Stage.open();
    const full = openSync('/dev/full', 'w');
    const { child, ended, errors } = runWithLog(stage, full);
    closeSync(full);
    await answers(stage, child);
    const client = await stage.connect();
    await client.ask('hello');
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    expect(errors()).toMatch(/^torpor: the log cannot be written: ENOSPC[^\n]*; its lines are lost\n$/);
  });

  test('a command whose output cannot be written -> exit code 1, and why', async () => {
    const full = openSync('/dev/full', 'w');
    const child = spawnTied(process.execPath, [PROGRAM, 'completion', 'bash'], { stdio: ['ignore', full, 'pipe'] });
    closeSync(full);
    let errors = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    expect(await once(child, 'close')).toEqual([1, null]);
    expect(errors).toMatch(/^torpor: what it prints cannot be written: ENOSPC[^\n]*\n$/);
  });

  test('run: the reader of its log is gone (Ctrl-C ends tee first) -> runs on, ends in order', async () => {
    await using stage = await Stage.open();
    const { child, ended, errors } = runWithLog(stage, 'pipe');
    await answers(stage, child);
    child.stdout?.destroy();
    const client = await stage.connect();
    await client.ask('hello');
    child.kill('SIGINT');
    expect(await ended).toBe(0);
    expect(errors()).toMatch(/^torpor: the log cannot be written: [^\n]*EPIPE; its lines are lost\n$/);
  });
});
