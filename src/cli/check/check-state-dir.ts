// Whether the journal's folder can be written, or made, by this user.
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { CheckReport } from './check-finding.ts';

/** Looks, and makes nothing. */
export async function checkStateDir(stateDir: string, report: CheckReport): Promise<void> {
  const subject = 'state folder';
  const existing = await nearestExisting(stateDir);
  const isFolder = (await stat(existing)).isDirectory();
  const writable = await access(existing, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
  if (!isFolder) report.fail(subject, `${existing} is not a folder`, 'set stateDir to a folder');
  else if (!writable) {
    report.fail(
      subject,
      `this user may not write to ${existing}`,
      `make ${stateDir} writable, or set stateDir to another folder`,
    );
  } else report.ok(subject, existing === stateDir ? `${stateDir} can be written` : `${stateDir} can be made`);
}

async function nearestExisting(path: string): Promise<string> {
  let candidate = path;
  while (candidate !== dirname(candidate)) {
    const exists = await stat(candidate).then(
      () => true,
      () => false,
    );
    if (exists) return candidate;
    candidate = dirname(candidate);
  }
  return candidate;
}
