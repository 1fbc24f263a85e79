// Two Torpor processes that follow each other: what they say over the channel between them. What they do about it is run.ts's.
import { type ChildProcess, spawn } from 'node:child_process';
import type { FlowRecord } from '../streams/datagrams/flow-record.ts';
import { InheritedSockets, type PassedSocket } from '../streams/inherited-sockets.ts';

/** ready: it has read its configuration and waits. running: it listens and controls. */
type FromSuccessor = { readonly kind: 'ready' } | { readonly kind: 'running' };
/** released: nobody listens or presses any more; `flows` (default: none) go on. wake: a stream of the former one needs its sleeper. */
type FromFormer =
  | { readonly kind: 'released'; readonly flows?: readonly FlowRecord[] }
  | { readonly kind: 'wake'; readonly platform: string };

/** Tells a process that another Torpor waits for it. */
export const FOLLOWS_VARIABLE = 'TORPOR_FOLLOWS';
/** Descriptors before the inherited sockets: input, output, errors, channel. */
const FIRST_FD = 4;

/** The process that follows, as the former one sees it. */
export interface Successor {
  readonly pid: number;
  /** Resolves once it has said so. Rejects where it ends before, or at the bound. */
  heard(kind: FromSuccessor['kind'], boundMs: number): Promise<void>;
  tell(message: FromFormer): void;
  onEnd(listener: () => void): void;
  kill(): void;
}

/** The process before, as the one that follows sees it. */
export interface Former {
  readonly pid: number;
  tell(message: FromSuccessor): void;
  /** Resolves once nobody listens or presses any more, with the flows of datagrams that are to go on. Rejects where the former one ends before: then it left nothing in order. */
  released(): Promise<readonly FlowRecord[]>;
  onWake(listener: (platform: string) => void): void;
  /** Runs once it has ended, at once where it has. */
  onEnd(listener: () => void): void;
}

/** Starts the program anew in a process of its own that inherits the sockets. */
export function spawnSuccessor(
  argv: readonly string[],
  sockets: readonly PassedSocket[],
  flowSockets: readonly number[],
): Successor {
  const env = {
    ...process.env,
    [FOLLOWS_VARIABLE]: String(process.pid),
    ...InheritedSockets.tell(sockets, FIRST_FD, flowSockets.length),
  };
  const child = spawn(process.execPath, [...process.execArgv, ...argv], {
    env,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc', ...sockets.map(({ fd }) => fd), ...flowSockets],
  });
  return new ChildSuccessor(child);
}

class ChildSuccessor implements Successor {
  readonly #child: ChildProcess;
  readonly #heard = new Set<string>();
  readonly #waiting = new Set<() => void>();
  readonly #endListeners: Array<() => void> = [];
  #hasEnded = false;

  constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', (message) => {
      this.#heard.add((message as FromSuccessor).kind);
      for (const look of [...this.#waiting]) look();
    });
    const end = () => {
      if (this.#hasEnded) return;
      this.#hasEnded = true;
      for (const look of [...this.#waiting]) look();
      for (const listener of this.#endListeners) listener();
    };
    child.on('error', end);
    child.on('exit', end);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  heard(kind: FromSuccessor['kind'], boundMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (why: string | null) => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        if (why === null) resolve();
        else reject(new Error(why));
      };
      const look = () => {
        if (this.#heard.has(kind)) settle(null);
        else if (this.#hasEnded) settle('the new Torpor ended: its log says why');
      };
      const timer = setTimeout(() => settle(`the new Torpor was not ${kind} within ${boundMs / 1000} s`), boundMs);
      this.#waiting.add(look);
      look();
    });
  }

  tell(message: FromFormer): void {
    // A channel that breaks is told by the end of its process.
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  onEnd(listener: () => void): void {
    if (this.#hasEnded) listener();
    else this.#endListeners.push(listener);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

/** Null where this process was not started to follow another. */
export function findFormer(env: Record<string, string | undefined>): Former | null {
  const pid = Number(env[FOLLOWS_VARIABLE]);
  delete env[FOLLOWS_VARIABLE];
  return Number.isInteger(pid) && pid > 0 && process.send !== undefined ? new ParentFormer(pid) : null;
}

class ParentFormer implements Former {
  readonly pid: number;
  readonly #released: Promise<readonly FlowRecord[]>;
  readonly #wakes: string[] = [];
  #onWake: (platform: string) => void = (platform) => void this.#wakes.push(platform);

  constructor(pid: number) {
    this.pid = pid;
    this.#released = new Promise((resolve, reject) => {
      process.on('message', (message: FromFormer) => {
        if (message.kind === 'released') resolve(message.flows ?? []);
        else this.#onWake(message.platform);
      });
      process.once('disconnect', () =>
        reject(new Error(`the Torpor before this one (process ${pid}) ended before it let go`)),
      );
    });
    this.#released.catch(() => {});
  }

  tell(message: FromSuccessor): void {
    // The former one may have ended, and that be heard later: what was left is taken over all the same.
    if (process.connected) process.send?.(message, undefined, undefined, () => {});
  }

  released(): Promise<readonly FlowRecord[]> {
    return this.#released;
  }

  onWake(listener: (platform: string) => void): void {
    this.#onWake = listener;
    for (const platform of this.#wakes.splice(0)) listener(platform);
  }

  onEnd(listener: () => void): void {
    if (process.connected) process.once('disconnect', listener);
    else listener();
  }
}
