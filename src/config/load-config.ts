// From a YAML file to a typed configuration, or to the list of everything that is wrong with it. Secrets are left to secret.ts.
import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { z } from 'zod';
import { errorText, TorporError } from '../platform/errors.ts';
import { findContradictions, findDoubts } from './cross-checks.ts';
import { escapeControls } from './escape-controls.ts';
import { showValue } from './fields.ts';
import type { Finding } from './finding.ts';
import { nearestName } from './nearest-name.ts';
import { configSchema } from './schema.ts';
import { toTorporConfig } from './to-config.ts';
import type { TorporConfig } from './torpor-config.ts';
import { type ConfigPath, YamlSource } from './yaml-source.ts';

/** A configuration that may be used, and what its owner should still know, each with file and line. */
export interface LoadedConfig {
  readonly config: TorporConfig;
  readonly warnings: readonly string[];
}

/** Far above any configuration; a path that names a disk image by mistake is refused before it is read. */
const MAX_FILE_BYTES = 4 * 1024 * 1024;
const MAX_PROBLEMS = 50;
const MAX_KEY_CHARS = 60;
const MAX_WHAT_CHARS = 400;

interface Problem {
  readonly line: number;
  readonly path: ConfigPath;
  readonly what: string;
}

/**
 * Reads and checks a configuration file. Relative paths in it are meant from its own folder.
 * Throws ERR_CONFIG_READ, ERR_CONFIG_SYNTAX (with file:line:column and the line) or ERR_CONFIG_INVALID (with every problem).
 */
export async function loadConfig(path: string): Promise<LoadedConfig> {
  const file = resolve(path);
  return parseConfig(await readText(path, file), path, dirname(file));
}

/** As `loadConfig`, for a text that is already there. `fileName` stands in errors; `folder` is where relative paths start. */
export function parseConfig(text: string, fileName: string, folder: string): LoadedConfig {
  const source = new YamlSource(text, fileName);
  if (source.value === null || source.value === undefined) {
    throw new TorporError('ERR_CONFIG_INVALID', `${fileName}: the file is empty: write at least platforms`);
  }
  const result = configSchema.safeParse(source.value);
  const problems = [
    ...(result.error?.issues ?? []).flatMap((issue) => toProblems(issue, source)),
    ...findContradictions(source.value).map((finding) => place(finding, source)),
  ];
  if (!result.success || problems.length > 0) throw invalid(fileName, problems);
  const doubts = findDoubts(source.value).map((finding) => render(fileName, place(finding, source)));
  return { config: toTorporConfig(result.data, folder), warnings: [...source.warnings, ...doubts] };
}

async function readText(path: string, file: string): Promise<string> {
  try {
    const { size, isFile } = await stat(file).then((facts) => ({ size: facts.size, isFile: facts.isFile() }));
    if (isFile && size > MAX_FILE_BYTES) throw new Error(`it is larger than ${MAX_FILE_BYTES / 1024 ** 2} MiB`);
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file));
  } catch (error) {
    throw new TorporError('ERR_CONFIG_READ', `cannot read the configuration ${path}: ${explainRead(error)}`, {
      cause: error,
    });
  }
}

function explainRead(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT') return 'there is no such file; give its path with --config';
  if (code === 'EACCES') return 'this user may not read it; change its mode or run Torpor as its owner';
  if (code === 'EISDIR') return 'it is a folder; give the path of the YAML file in it';
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return 'it is not UTF-8 text';
  return errorText(error);
}

function invalid(fileName: string, problems: readonly Problem[]): TorporError {
  const ordered = [...problems].sort((a, b) => a.line - b.line);
  const lines = ordered.slice(0, MAX_PROBLEMS).map((problem) => render(fileName, problem));
  const more = ordered.length - lines.length;
  if (more > 0) lines.push(`and ${more} more`);
  return new TorporError('ERR_CONFIG_INVALID', [...new Set(lines)].join('\n'));
}

function render(fileName: string, problem: Problem): string {
  const path = formatPath(problem.path);
  const what = problem.what.length > MAX_WHAT_CHARS ? `${problem.what.slice(0, MAX_WHAT_CHARS)}…` : problem.what;
  return `${fileName}:${problem.line}: ${path === '' ? '' : `${path}: `}${escapeControls(what)}`;
}

function formatPath(path: ConfigPath): string {
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
    .join('')
    .replace(/^\./, '');
}

function place(finding: Finding, source: YamlSource): Problem {
  return { line: source.lineOf(finding.path), path: source.shownPath(finding.path), what: finding.what };
}

/** One schema issue in people's words; unknown keys become one problem each. */
function toProblems(issue: z.core.$ZodIssue, source: YamlSource): Problem[] {
  const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
  if (issue.code === 'unrecognized_keys') {
    const known = issue.message.split(' ');
    return issue.keys.map((key) => ({ line: source.lineOfKey(path, key), path, what: explainUnknownKey(key, known) }));
  }
  const what = issue.code === 'invalid_type' ? explainType(issue.expected, valueAt(source.value, path)) : issue.message;
  return [place({ path, what }, source)];
}

function explainUnknownKey(key: string, known: readonly string[]): string {
  const shown = JSON.stringify(key).slice(1, -1).slice(0, MAX_KEY_CHARS);
  if (/^pass(word|wd|phrase)?$/i.test(key) && known.includes('passwordFile')) {
    return `unknown key \`${shown}\`; a password does not stand in this file: write passwordFile or passwordEnv`;
  }
  const near = nearestName(key, known);
  return near === null
    ? `unknown key \`${shown}\`; known here: ${known.join(', ')}`
    : `unknown key \`${shown}\`; did you mean \`${near}\`?`;
}

function explainType(expected: string, value: unknown): string {
  const wanted = expected === 'array' ? 'a list (lines that start with "- ")' : 'a mapping (key: value)';
  if (value === undefined) return `is missing: write ${wanted}`;
  if (value === null) return `is empty: write ${wanted}, or leave the key out`;
  return `${showValue(value)} stands where a ${expected === 'array' ? 'list' : 'mapping'} belongs: write ${wanted}`;
}

function valueAt(root: unknown, path: ConfigPath): unknown {
  let value = root;
  for (const step of path) value = (value as Record<string | number, unknown> | null | undefined)?.[step];
  return value;
}
