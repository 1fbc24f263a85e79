// The benches that package.json runs, and what each says to --help.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { ROOT } from './markdown-page.ts';

const SCRIPTS: Record<string, string> = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')).scripts;

/** The npm script of each bench, and the bench's file. */
export const BENCHES = Object.entries(SCRIPTS).flatMap(([script, command]) => {
  const [name] = /bench\/[a-z0-9-]+\.mjs/.exec(command) ?? [];
  return name === undefined ? [] : [{ script, file: `${ROOT}${name}` }];
});

/** What the bench prints for --help. Throws where it ends with anything but 0. */
export function usageOf(file: string): string {
  return execFileSync(process.execPath, [file, '--help'], { encoding: 'utf8' });
}
