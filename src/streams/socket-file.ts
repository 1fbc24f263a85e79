// The file of a Unix socket that is listened on: who may have it, its mode, its end. Listening is its owner's.
import { chmodSync, lstatSync, renameSync, type Stats, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { UNIX_PREFIX } from '../platform/endpoint.ts';

/** Owner and group: whom else it concerns its user says. */
export const DEFAULT_SOCKET_MODE = 0o660;
/** A socket that nobody listens on refuses at once; one whose program hangs does not answer. */
const ASK_BOUND_MS = 2_000;

let lastNumber = 0;

/**
 * The socket is bound beside its path and then renamed to it: so a client meets either the socket of whoever listened before or one that
 * listens, with its mode; and closing it does not take the path away (libuv unlinks what was bound), which another process may have by then.
 */
export class SocketFile {
  readonly #path: string;
  /** Of what stands at the path because of us; null: nothing does. */
  #inode: number | null = null;
  #bindPath: string;

  private constructor(path: string) {
    this.#path = path;
    lastNumber += 1;
    // Short: a socket's path has 107 bytes at most.
    this.#bindPath = join(dirname(path), `.${process.pid}.${lastNumber}`);
  }

  /** For a path that is free, or was left behind by a program that is gone. Rejects, with a `code`, where it is somebody's. */
  static async prepare(path: string): Promise<SocketFile> {
    const folder = statOf(dirname(path));
    if (folder === null) throw failure('ENOENT', `there is no folder ${dirname(path)}`);
    const there = statOf(path);
    if (there !== null && !there.isSocket()) throw failure('EEXIST', `${path} is no socket`);
    if (there !== null) await refuseLive(path);
    return new SocketFile(path);
  }

  /** One that listens already, and was the file of a Torpor before this one. */
  static takeOver(path: string): SocketFile {
    const file = new SocketFile(path);
    file.#inode = statOf(path)?.ino ?? null;
    return file;
  }

  /** Where the socket is to be bound, before `publish`. */
  get bindPath(): string {
    return this.#bindPath;
  }

  /** The bound socket is at its path from now on, in the place of a dead one's. */
  publish(mode: number): void {
    chmodSync(this.#bindPath, mode);
    renameSync(this.#bindPath, this.#path);
    this.#inode = statOf(this.#path)?.ino ?? null;
  }

  setMode(mode: number): void {
    if (this.#isOurs()) chmodSync(this.#path, mode);
  }

  /** The file is another process's from now on. */
  leave(): void {
    this.#inode = null;
  }

  /** Takes the file away, where it is still ours. Idempotent. */
  remove(): void {
    if (this.#isOurs()) unlinkSync(this.#path);
    this.#inode = null;
  }

  #isOurs(): boolean {
    return this.#inode !== null && statOf(this.#path)?.ino === this.#inode;
  }
}

/** For people: why a socket's path cannot be listened on, and what to do. */
export function socketFileAdvice(path: string, code: string): string {
  const advice: Readonly<Record<string, string>> = {
    EADDRINUSE: `another program listens there ("ss -xlp src ${UNIX_PREFIX}${path}" names it): stop it, or write another path`,
    EEXIST: 'something stands there that is no socket, and is left alone: move it away, or write another path',
    ENOENT: `there is no folder ${dirname(path)}: make one that Torpor may write to (RuntimeDirectory= of the unit makes one in /run)`,
    EACCES: `Torpor may not write to the folder ${dirname(path)}, or not connect to what stands at ${basename(path)}: change its owner`,
    EROFS: `the folder ${dirname(path)} is read-only for Torpor: write a path below /run/torpor`,
  };
  return advice[code] ?? 'check the path';
}

/** Rejects where somebody listens there, or where that cannot be told. */
function refuseLive(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    const end = (code: string | null) => {
      clearTimeout(timer);
      socket.destroy();
      if (code === null) resolve();
      else reject(failure(code, `connect ${path}`));
    };
    const timer = setTimeout(() => end('EADDRINUSE'), ASK_BOUND_MS);
    socket.on('connect', () => end('EADDRINUSE'));
    socket.on('error', ({ code = 'EADDRINUSE' }: NodeJS.ErrnoException) => {
      if (code === 'ECONNREFUSED' || code === 'ENOENT') end(null);
      else end(code === 'EACCES' ? code : 'EADDRINUSE');
    });
  });
}

function statOf(path: string): Stats | null {
  return lstatSync(path, { throwIfNoEntry: false }) ?? null;
}

function failure(code: string, message: string): NodeJS.ErrnoException {
  return Object.assign(new Error(message), { code });
}
