// Where platforms' print jobs lie in the state folder, and which of them nobody delivers.
import { join } from 'node:path';
import type { TorporConfig } from './config/torpor-config.ts';
import { findPlatformsLeft, type LeftJobs } from './streams/spool/left-jobs.ts';

export function spoolFolder(stateDir: string, platform: string): string {
  return join(stateDir, 'spool', platform);
}

/** Jobs of platforms that are not in the configuration any more: nobody else would say that they lie there. */
export function leftSpools({ stateDir, platforms }: Pick<TorporConfig, 'stateDir' | 'platforms'>): Promise<LeftJobs[]> {
  return findPlatformsLeft(join(stateDir, 'spool'), new Set(platforms.map(({ name }) => name)));
}
