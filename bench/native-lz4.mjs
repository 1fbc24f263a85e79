// Native programs beside ours: builds them with the system's compiler, starts them and asks them for rounds. One of them is liblz4,
// bench/native/lz4-native.c.
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const SOURCE = fileURLToPath(new URL('./native/lz4-native.c', import.meta.url));
const run = promisify(execFile);

/** Builds and starts liblz4 over `corpora`; see `startNative`. */
export function startNativeLz4(corpora) {
  return startNative(corpora, 'liblz4 (apt-get install gcc liblz4-dev)', (folder) =>
    run('cc', ['-O3', '-o', path.join(folder, 'native'), SOURCE, '-llz4']),
  );
}

/**
 * Starts the program that `build` makes as `native` in the folder it is given, over `corpora` (`name`, `data`, and `lengths` of
 * messages where it has some). Answers `{ version, ask, end }`, or `{ missing }` with `name` and the reason where it could not be built.
 */
export async function startNative(corpora, name, build) {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'torpor-bench-'));
  const program = path.join(folder, 'native');
  try {
    await build(folder);
  } catch (error) {
    await rm(folder, { recursive: true });
    return { missing: `${name}: ${String(error.stderr || error.message).split('\n')[0]}` };
  }
  const stems = corpora.map(({ name }) => path.join(folder, name.replaceAll(/[^a-z0-9]/gi, '-')));
  for (const [index, { data, lengths }] of corpora.entries()) {
    await writeFile(`${stems[index]}.data`, data);
    if (lengths !== undefined)
      await writeFile(`${stems[index]}.lens`, new Uint8Array(Uint32Array.from(lengths).buffer));
  }
  const child = spawn(program, stems, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextLine = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${name} ended before it answered`);
    return value;
  };
  const version = await nextLine();
  return {
    version,
    /** The fastest pass of `milliseconds` over corpus `index`, in nanoseconds, and what it stored. Block size 0: messages. */
    async ask(deed, index, blockBytes, milliseconds) {
      child.stdin.write(`${deed} ${index} ${blockBytes} ${milliseconds}\n`);
      const [nanoseconds, storedBytes] = (await nextLine()).split(' ').map(Number);
      return { nanoseconds, storedBytes };
    },
    async end() {
      child.stdin.end();
      await new Promise((resolve) => child.once('exit', resolve));
      await rm(folder, { recursive: true });
    },
  };
}
