// The stream core with some of its detector's constants changed: compiled in memory, kept in artifacts/variants/ by what it was made of.
// Leaves the choice of constants to its callers.
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CACHE = join(ROOT, 'artifacts', 'variants');
const DETECTOR = 'asm/activity';

/**
 * The module in which each constant of `changes` (`{ file, name, factor }`, the file within asm/activity) is its value times the factor,
 * rounded. Answers the module's bytes and the changed values. Throws where a constant is not there exactly once, or nothing compiles.
 */
export async function buildVariant(changes) {
  const sources = await readSources();
  const values = changes.map((change) => changeConstant(sources, change));
  const config = await readFile(join(ROOT, 'asconfig.json'), 'utf8');
  const { version } = JSON.parse(await readFile(join(ROOT, 'node_modules/assemblyscript/package.json'), 'utf8'));
  const hash = createHash('sha256').update(JSON.stringify([version, config, ...sources]));
  const file = join(CACHE, `${hash.digest('hex').slice(0, 32)}.wasm`);
  const kept = await readFile(file).catch(() => undefined);
  if (kept !== undefined) return { wasm: kept, values };
  const wasm = await compile(sources);
  await mkdir(CACHE, { recursive: true });
  await writeFile(file, wasm);
  return { wasm, values };
}

/** The value of a constant of the detector as it stands in the sources. */
export async function readConstant(change) {
  return findConstant(await readSources(), change).value;
}

/** All sources of the core by their path from the project's root. */
async function readSources() {
  const names = (await readdir(join(ROOT, 'asm'), { recursive: true })).filter((name) => name.endsWith('.ts')).sort();
  const texts = names.map(async (name) => [
    `asm/${name.split(sep).join('/')}`,
    await readFile(join(ROOT, 'asm', name), 'utf8'),
  ]);
  return new Map(await Promise.all(texts));
}

function findConstant(sources, { file, name }) {
  const path = `${DETECTOR}/${file}`;
  const found = [...(sources.get(path) ?? '').matchAll(new RegExp(`(const ${name}: \\w+ = )([\\d_]+);`, 'g'))];
  if (found.length !== 1) {
    throw new Error(`${path} has ${found.length} numbers named ${name}, not one: correct the table of this bench`);
  }
  const [[text, head, digits]] = found;
  return { path, text, head, value: Number(digits.replaceAll('_', '')) };
}

function changeConstant(sources, change) {
  const { path, text, head, value } = findConstant(sources, change);
  const changed = Math.round(value * change.factor);
  sources.set(path, sources.get(path).replace(text, `${head}${changed};`));
  return changed;
}

/** The release build of `sources`. */
async function compile(sources) {
  let wasm;
  const messages = [];
  const note = { write: (chunk) => messages.push(String(chunk)) };
  const read = (name, base) => {
    const path = relative(ROOT, join(base, name)).split(sep).join('/');
    return sources.get(path) ?? readFile(join(base, name), 'utf8').catch(() => null);
  };
  const { error } = await asc.main(
    [
      'asm/index.ts',
      '--config',
      'asconfig.json',
      '--target',
      'release',
      '--baseDir',
      ROOT,
      '--outFile',
      'variant.wasm',
    ],
    {
      readFile: read,
      writeFile: (name, content) => {
        if (name === 'variant.wasm') wasm = content;
      },
      listFiles: () => null,
      stdout: note,
      stderr: note,
    },
  );
  if (error !== null || wasm === undefined) {
    throw new Error(`the core did not compile with other constants: ${messages.join('')}`, { cause: error });
  }
  return wasm;
}
