// Who may write the history: one process at a time. The lock of node-sqlite3-wasm is a folder that a killed process leaves
// behind; this file tells whose it is, so that it is taken over from the dead and never from the living.
import {
  mkdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** A holder of another PID namespace (a container) cannot be looked up: it touches its file this often … */
export const LOCK_TOUCH_MS = 10_000;
/** … and counts as gone when it has not for so long. */
export const LOCK_STALE_MS = 60_000;

interface Holder {
  readonly pid: number;
  /** Of the process, in the kernel's ticks since its boot; a PID alone is given again. Empty where there is no /proc. */
  readonly started: string;
  /** Which PID namespace and boot `pid` belongs to. */
  readonly space: string;
}

export class StoreLock {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** Takes the lock at `path`, whose folder is made where it is missing, and answers it; the PID of whoever holds it (0: not known) where somebody else does. */
  static take(path: string, nowMs: number): StoreLock | { readonly heldBy: number } {
    const holder = readHolder(path);
    const own = ownIdentity();
    if (holder !== null && isAlive(holder, own, path, nowMs))
      return { heldBy: holder.space === own.space ? holder.pid : 0 };
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const fresh = `${path}.${process.pid}`;
    writeFileSync(fresh, `${JSON.stringify(own)}\n`, { mode: 0o600 });
    renameSync(fresh, path);
    const lock = new StoreLock(path);
    lock.touch(nowMs);
    return lock;
  }

  /** Tells processes of other namespaces that this one lives. False where the lock is another's now. */
  touch(nowMs: number): boolean {
    const holder = readHolder(this.#path);
    if (holder === null || !isSame(holder, ownIdentity())) return false;
    utimesSync(this.#path, nowMs / 1000, nowMs / 1000);
    return true;
  }

  release(): void {
    const holder = readHolder(this.#path);
    if (holder !== null && isSame(holder, ownIdentity())) rmSync(this.#path, { force: true });
  }
}

function isSame(a: Holder, b: Holder): boolean {
  return a.pid === b.pid && a.started === b.started && a.space === b.space;
}

function isAlive(holder: Holder, own: Holder, path: string, nowMs: number): boolean {
  // Another thread of this very process, or this one before: whoever asks again has lost its own.
  if (isSame(holder, own)) return false;
  if (holder.space !== own.space) return nowMs - statSync(path).mtimeMs < LOCK_STALE_MS;
  if (own.started !== '') return processStart(holder.pid) === holder.started;
  try {
    process.kill(holder.pid, 0);
    return true;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function readHolder(path: string): Holder | null {
  try {
    const { pid, started, space } = JSON.parse(readFileSync(path, 'utf8')) as Partial<Holder>;
    if (typeof pid !== 'number' || typeof started !== 'string' || typeof space !== 'string') return null;
    return { pid, started, space };
  } catch {
    // Missing, or torn by a power cut: nobody holds it.
    return null;
  }
}

function ownIdentity(): Holder {
  return { pid: process.pid, started: processStart(process.pid), space: pidSpace() };
}

/** Field 22 of /proc/PID/stat (proc(5)), counted behind the name, which may hold anything; empty where there is no such process. */
function processStart(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

function pidSpace(): string {
  try {
    return `${readlinkSync('/proc/self/ns/pid')} ${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}`;
  } catch {
    return 'here';
  }
}
