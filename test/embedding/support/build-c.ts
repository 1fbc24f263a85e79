// Builds C programs around the stream core as a vendor would: wasm2c, then the C compiler. Leaves running them to the tests.
import { execFile } from 'node:child_process';
import { copyFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ROOT = new URL('../../../', import.meta.url);
/** Where Debian's wabt has wasm-rt-impl.h. */
const RUNTIME_FOLDER = '/usr/share/wabt/wasm2c';

export const BUILD_PROGRAMS = ['wasm2c', 'gcc'] as const;

/** The path of a file of this project. */
export const pathOf = (file: string) => fileURLToPath(new URL(file, ROOT));

/** Builds `source` with the core and its binding in `folder`; answers the program's path. Throws what the compiler said. */
export async function buildWithCore(folder: string, source: string): Promise<string> {
  await run('wasm2c', [pathOf('build/torpor-core.scalar.wasm'), '-n', 'torpor', '-o', `${folder}/torpor-module.c`]);
  for (const file of ['torpor-core.h', 'torpor-core-exports.inc', 'torpor-core-wasm2c.c']) {
    await copyFile(pathOf(`include/${file}`), path.join(folder, file));
  }
  // What wasm2c makes is not free of warnings; the rest is.
  const ours = ['-std=gnu99', '-Wall', '-Wextra', '-Werror', '-O1', `-I${folder}`, `-I${RUNTIME_FOLDER}`, '-c'];
  await run('gcc', ['-O1', '-c', `${folder}/torpor-module.c`, '-o', `${folder}/module.o`]);
  await run('gcc', [...ours, `${folder}/torpor-core-wasm2c.c`, '-o', `${folder}/binding.o`]);
  await run('gcc', [...ours, source, '-o', `${folder}/host.o`]);
  const objects = ['module.o', 'binding.o', 'host.o'].map((file) => path.join(folder, file));
  await run('gcc', [...objects, '-lwasm-rt-impl', '-lm', '-o', `${folder}/host`]);
  return `${folder}/host`;
}
