// How many streams the kernel's limit on open files leaves room for. Beyond it the kernel closes newcomers unseen, and what else needs a
// file finds none: the journal's intent, a BMC's connection, the look at a VM.
import { readdirSync, readFileSync } from 'node:fs';

/** Of this process, in descriptors. */
export interface Descriptors {
  readonly limit: number;
  readonly open: number;
}

/** The client's, and the VM's. */
const PER_STREAM = 2;
/** For files, the API's clients, probes, hooks; of a small limit a quarter. */
const RESERVE = 256;

/** null: no bound, or none that can be read. Source: proc_pid_limits(5). */
export function readDescriptors(): Descriptors | null {
  try {
    const limit = softLimit(readFileSync('/proc/self/limits', 'utf8'));
    return limit === null ? null : { limit, open: readdirSync('/proc/self/fd').length };
  } catch {
    return null;
  }
}

/** Text of /proc/self/limits. null: unlimited, or not told. */
export function softLimit(text: string): number | null {
  const found = /^Max open files\s+(\d+)/m.exec(text)?.[1];
  return found === undefined ? null : Number(found);
}

/** Streams, one at least. `others`: descriptors that the process opens besides, beyond the reserve. */
export function streamsWithin({ limit, open }: Descriptors, others: number): number {
  const free = limit - open - others - Math.min(RESERVE, Math.floor(limit / 4));
  return Math.max(1, Math.floor(free / PER_STREAM));
}

/** The limit with which there is room for so many streams. */
export function limitFor(streams: number, { open }: Descriptors, others: number): number {
  return streams * PER_STREAM + open + others + RESERVE;
}
