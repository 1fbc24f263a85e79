// A disk in memory that stops at a chosen call and then shows what a power cut leaves: what was not synced may be there, half, or not at all.
import type { SpoolDisk, SpoolFile } from '../../../../src/streams/spool/spool-disk.ts';

interface Content {
  now: Uint8Array;
  /** What a power cut certainly leaves. */
  synced: Uint8Array;
}

export class PowerCut extends Error {}

export class CrashingDisk implements SpoolDisk {
  #names = new Map<string, Content>();
  #syncedNames = new Map<string, Content>();
  #calls = 0;
  /** The call with this number, and all after it, fail. */
  cutAt = Number.POSITIVE_INFINITY;
  /** Writes fail as on a full disk. */
  isFull = false;

  get calls(): number {
    return this.#calls;
  }

  get names(): string[] {
    return [...this.#names.keys()];
  }

  /** Changes a byte of a file behind everybody's back. */
  damage(path: string, at: number): void {
    const content = this.#names.get(path) as Content;
    content.now[at] = (content.now[at] as number) ^ 0xff;
  }

  /** The disk after the power came back. Each name and each byte that was not synced falls as `random` says. */
  afterPowerCut(random: (below: number) => number): CrashingDisk {
    const disk = new CrashingDisk();
    for (const path of new Set([...this.#names.keys(), ...this.#syncedNames.keys()])) {
      const [now, synced] = [this.#names.get(path), this.#syncedNames.get(path)];
      const content = now === synced || random(2) === 0 ? synced : now;
      if (content === undefined) continue;
      const bytes = survivingBytes(content, random);
      const left = { now: bytes, synced: bytes.slice() };
      disk.#names.set(path, left);
      disk.#syncedNames.set(path, left);
    }
    return disk;
  }

  async makeFolder(): Promise<void> {
    this.#count();
  }

  async list(folder: string): Promise<string[]> {
    this.#count();
    return this.names.filter((path) => path.startsWith(`${folder}/`)).map((path) => path.slice(folder.length + 1));
  }

  async create(path: string): Promise<SpoolFile> {
    this.#count();
    if (this.#names.has(path)) throw new Error('EEXIST');
    const content: Content = { now: new Uint8Array(0), synced: new Uint8Array(0) };
    this.#names.set(path, content);
    return {
      write: async (bytes, at) => {
        this.#count();
        if (this.isFull) throw new Error('ENOSPC: no space left on device');
        const grown = new Uint8Array(Math.max(content.now.length, at + bytes.length));
        grown.set(content.now);
        grown.set(bytes, at);
        content.now = grown;
      },
      sync: async () => {
        this.#count();
        content.synced = content.now.slice();
      },
      close: async () => {},
    };
  }

  async read(path: string, at: number, bytes: number): Promise<Uint8Array> {
    this.#count();
    return this.#content(path).now.slice(at, at + bytes);
  }

  async size(path: string): Promise<number> {
    this.#count();
    return this.#content(path).now.length;
  }

  async rename(from: string, to: string): Promise<void> {
    this.#count();
    this.#names.set(to, this.#content(from));
    this.#names.delete(from);
  }

  async remove(path: string): Promise<void> {
    this.#count();
    this.#content(path);
    this.#names.delete(path);
  }

  async syncFolder(): Promise<void> {
    this.#count();
    this.#syncedNames = new Map(this.#names);
  }

  #content(path: string): Content {
    const content = this.#names.get(path);
    if (content === undefined) throw new Error(`ENOENT: ${path}`);
    return content;
  }

  #count(): void {
    this.#calls += 1;
    if (this.#calls >= this.cutAt) throw new PowerCut('the power is gone');
  }
}

function survivingBytes({ now, synced }: Content, random: (below: number) => number): Uint8Array {
  const way = random(3);
  if (way === 0) return synced.slice();
  const bytes = now.slice(0, Math.max(synced.length, random(now.length + 1)));
  const isSame = bytes.length === synced.length && bytes.every((byte, at) => byte === synced[at]);
  // A block that never reached the disk reads as zeros, though the file is as long as it should be.
  if (way === 2 && !isSame && bytes.length > 0) bytes.fill(0, random(bytes.length));
  return isSame ? synced.slice() : bytes;
}
