// The port behind which spooled jobs lie, and its adapter for a real folder. What stands in the files is the store's.
import { mkdir, open, readdir, rename, unlink } from 'node:fs/promises';

/** A file that is written once. */
export interface SpoolFile {
  /** All of them, or it rejects, and any part of them may stand there. */
  write(bytes: Uint8Array, at: number): Promise<void>;
  /** Resolves when what was written is on disk. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface SpoolDisk {
  makeFolder(folder: string): Promise<void>;
  /** Names, in no order. */
  list(folder: string): Promise<string[]>;
  /** A new, empty file. Rejects where there is one. */
  create(path: string): Promise<SpoolFile>;
  /** Up to `bytes` of them from `at`; fewer only at the file's end. */
  read(path: string, at: number, bytes: number): Promise<Uint8Array>;
  size(path: string): Promise<number>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Resolves when the folder's names are on disk: only then a rename survives a power cut. */
  syncFolder(folder: string): Promise<void>;
}

/** What clients print may be secret: nobody else reads it. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

export const realDisk: SpoolDisk = {
  makeFolder: async (folder) => void (await mkdir(folder, { recursive: true, mode: FOLDER_MODE })),
  list: (folder) => readdir(folder),
  create: async (path) => {
    const file = await open(path, 'wx', FILE_MODE);
    return {
      write: async (bytes, at) => {
        for (let done = 0; done < bytes.length; )
          done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
      },
      sync: () => file.sync(),
      close: () => file.close(),
    };
  },
  read: (path, at, bytes) =>
    withFile(path, async (file) => {
      const buffer = new Uint8Array(bytes);
      let have = 0;
      while (have < bytes) {
        const { bytesRead } = await file.read(buffer, have, bytes - have, at + have);
        if (bytesRead === 0) break;
        have += bytesRead;
      }
      return buffer.subarray(0, have);
    }),
  size: (path) => withFile(path, async (file) => (await file.stat()).size),
  rename,
  remove: unlink,
  syncFolder: (folder) => withFile(folder, (handle) => handle.sync()),
};

async function withFile<T>(path: string, use: (file: Awaited<ReturnType<typeof open>>) => Promise<T>): Promise<T> {
  const file = await open(path, 'r');
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}
