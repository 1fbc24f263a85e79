// What a suite needs of the machine, and why it is skipped where that is missing. `.ci/run` installs it all and counts skips.
import { accessSync, constants } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { describe } from 'vitest';

export interface RequirementOptions {
  /** True where only root may do what the suite does: network namespaces, sshd. */
  readonly root?: boolean;
}

/** Where Debian puts daemons and network tools; often not in a user's PATH. */
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** The absolute path of a program, or null where this machine has none of that name. One that has a path already is looked for there alone. */
export function findProgram(name: string): string | null {
  const folders = isAbsolute(name) ? [''] : [...(process.env.PATH ?? '').split(delimiter), ...SYSTEM_FOLDERS];
  for (const folder of folders) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not in this folder
    }
  }
  return null;
}

/** Null where everything is there, else the reason to skip: "qemu-system-x86_64 and ipmi_sim are not installed". */
export function requires(programs: readonly string[], options: RequirementOptions = {}): string | null {
  const missing = programs.filter((program) => findProgram(program) === null);
  const reasons: string[] = [];
  if (missing.length === 1) reasons.push(`${missing[0]} is not installed`);
  if (missing.length > 1) reasons.push(`${missing.slice(0, -1).join(', ')} and ${missing.at(-1)} are not installed`);
  if (options.root === true && process.getuid?.() !== 0) reasons.push('it needs root');
  return reasons.length === 0 ? null : reasons.join('; ');
}

/** A suite that is skipped by name, with the reason in its title, where `missing` (of `requires`) is one. */
export function describeWhere(missing: string | null, title: string, body: () => void): void {
  describe.skipIf(missing !== null)(missing === null ? title : `${title} (skipped: ${missing})`, body);
}
