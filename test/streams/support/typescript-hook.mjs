// Lets a plain Node process of a test load the project's TypeScript, as `node --import` of this file. Types are not checked.
import { readFile } from 'node:fs/promises';
import { register } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';

if (isMainThread) register(import.meta.url);

/** Hook of node:module: transpiles what ends in .ts, leaves the rest to Node. */
export async function load(url, context, nextLoad) {
  if (!url.endsWith('.ts')) return nextLoad(url, context);
  const { default: typescript } = await import('typescript');
  const text = await readFile(fileURLToPath(url), 'utf8');
  const compilerOptions = { module: 'esnext', target: 'es2023', verbatimModuleSyntax: true };
  const { outputText } = typescript.transpileModule(text, { fileName: url, compilerOptions });
  return { format: 'module', source: outputText, shortCircuit: true };
}
