// Jobs that nobody delivers, because their platform or their listener left the configuration: found, and told in words.
import { join } from 'node:path';
import { realDisk, type SpoolDisk } from './spool-disk.ts';
import { countJobs } from './spool-store.ts';

export interface LeftJobs {
  readonly folder: string;
  readonly jobs: number;
  /** What would have to be configured again. */
  readonly of: 'listener' | 'platform';
}

/** One platform's folder: its listeners' folders with jobs, but for those named. */
export async function findListenersLeft(
  platformFolder: string,
  adopted: ReadonlySet<string>,
  disk: SpoolDisk = realDisk,
): Promise<LeftJobs[]> {
  const left: LeftJobs[] = [];
  for (const name of await disk.list(platformFolder).catch(() => [])) {
    const folder = join(platformFolder, name);
    const jobs = adopted.has(name) ? 0 : await countJobs(disk, folder);
    if (jobs > 0) left.push({ folder, jobs, of: 'listener' });
  }
  return left;
}

/** The spool's folder in the state folder: platforms' folders with jobs, but for those named. */
export async function findPlatformsLeft(
  spoolFolder: string,
  platforms: ReadonlySet<string>,
  disk: SpoolDisk = realDisk,
): Promise<LeftJobs[]> {
  const left: LeftJobs[] = [];
  for (const name of await disk.list(spoolFolder).catch(() => [])) {
    if (platforms.has(name)) continue;
    const folder = join(spoolFolder, name);
    const jobs = (await findListenersLeft(folder, new Set(), disk)).reduce((sum, each) => sum + each.jobs, 0);
    if (jobs > 0) left.push({ folder, jobs, of: 'platform' });
  }
  return left;
}

export function describeLeft({ folder, jobs, of }: LeftJobs): string {
  const what = jobs === 1 ? '1 spooled job lies in' : `${jobs} spooled jobs lie in`;
  return `${what} ${folder} and ${jobs === 1 ? 'waits' : 'wait'} for a ${of} that is not configured`;
}

/** What whoever reads of them can do. */
export const LEFT_ADVICE = 'configure it again, or remove the folder';

export function tellLeft(left: LeftJobs): string {
  return `${describeLeft(left)}: ${LEFT_ADVICE}`;
}
