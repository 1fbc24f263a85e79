// A hook of node:module: transpiles TypeScript, and puts a mutation into the file that it is of, to see whether the simulation finds it.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import typescript from 'typescript';
import { MUTATIONS } from './mutations.mjs';

const wanted = process.env.TORPOR_SIM_MUTATION ?? '';
const mutation = MUTATIONS[wanted];
if (wanted !== '' && mutation === undefined) throw new Error(`no mutation has the name ${wanted}`);

export async function load(url, context, nextLoad) {
  if (!url.endsWith('.ts')) return nextLoad(url, context);
  let text = await readFile(fileURLToPath(url), 'utf8');
  for (const { file, from, to } of mutation?.changes ?? []) {
    if (!url.endsWith(`/src/${file}`)) continue;
    if (text.split(from).length !== 2) throw new Error(`${wanted}: ${file} does not hold its text once`);
    text = text.replace(from, () => to);
  }
  const compilerOptions = { module: 'esnext', target: 'es2023', verbatimModuleSyntax: true };
  const { outputText } = typescript.transpileModule(text, { fileName: url, compilerOptions });
  return { format: 'module', source: outputText, shortCircuit: true };
}
