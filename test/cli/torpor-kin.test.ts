// What two Torpors that follow each other say, where one of them ends meanwhile.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const KIN = fileURLToPath(new URL('../../dist/cli/torpor-kin.js', import.meta.url));

/** Hears nothing until a byte comes to its input, as a process that is not given the machine; then it speaks, and says what it heard. */
const FOLLOWER = `
import { readSync, writeSync } from 'node:fs';
import { findFormer } from ${JSON.stringify(KIN)};
const former = findFormer(process.env);
writeSync(1, 'up\\n');
readSync(0, Buffer.alloc(1));
former.tell({ kind: 'running' });
former.onEnd(() => writeSync(1, 'it has ended\\n'));
`;

describe('a process that follows', () => {
  it('the former one ends, and it speaks before it has heard of that -> it goes on, and hears of it', async () => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', FOLLOWER], {
      env: { ...process.env, TORPOR_FOLLOWS: String(process.pid) },
      stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
    });
    const { stdin, stdout, stderr } = child;
    const said = { out: '', err: '' };
    stdout?.setEncoding('utf8').on('data', (text: string) => {
      said.out += text;
    });
    stderr?.setEncoding('utf8').on('data', (text: string) => {
      said.err += text;
    });
    const over = [once(child, 'exit'), once(stdout as NodeJS.EventEmitter, 'end')] as const;
    await once(stdout as NodeJS.EventEmitter, 'data');
    child.disconnect();
    stdin?.end('x');
    const [exit] = await Promise.all(over);
    expect([said.out, exit], said.err).toEqual(['up\nit has ended\n', [0, null]]);
  });
});
