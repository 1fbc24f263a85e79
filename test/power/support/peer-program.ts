// Other people's programs, run as children: whether one is there, and what it printed.
import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where Debian puts administrators' programs; not on every user's PATH. */
const EXTRA_FOLDERS = ['/usr/sbin', '/sbin'];

/** The program's path, or null where it is not installed. */
export function findProgram(name: string): string | null {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...EXTRA_FOLDERS];
  for (const folder of folders) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  return null;
}

export interface ProgramResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs it to its end, for 60 seconds at most. Never rejects for an exit code. */
export function runProgram(path: string, args: readonly string[]): Promise<ProgramResult> {
  return new Promise((resolve) => {
    execFile(path, [...args], { timeout: 60_000 }, (error, stdout, stderr) => {
      const exitCode = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      resolve({ exitCode, stdout, stderr });
    });
  });
}
