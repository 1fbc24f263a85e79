import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LOCK_STALE_MS, StoreLock } from '../../src/history/store-lock.ts';
import { spawnTied } from '../support/spawn-tied.ts';
import { TempFolder } from '../support/temp-folder.ts';

const NOW_MS = 1_700_000_000_000;

describe('StoreLock', () => {
  let folder: TempFolder;
  let path: string;
  beforeEach(() => {
    folder = new TempFolder('store-lock');
    path = folder.file('not-yet/history.owner');
  });
  afterEach(() => folder.remove());

  /** What a process of ours with this PID would have written. */
  function writeHolder(pid: number, changes: object = {}): void {
    const own = StoreLock.take(path, NOW_MS);
    expect(own).toBeInstanceOf(StoreLock);
    const holder = JSON.parse(readFileSync(path, 'utf8')) as object;
    const stat = spawnSync('cat', [`/proc/${pid}/stat`], { encoding: 'utf8' }).stdout;
    const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? 'gone';
    writeFileSync(path, JSON.stringify({ ...holder, pid, started, ...changes }));
  }

  it('take, release -> the file is there in between', () => {
    const lock = StoreLock.take(path, NOW_MS) as StoreLock;
    expect(existsSync(path)).toBe(true);
    expect(lock.touch(NOW_MS)).toBe(true);
    lock.release();
    expect(existsSync(path)).toBe(false);
  });

  it('take: a living process holds it -> its PID; once it was killed -> taken over', async () => {
    const child = spawnTied(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    writeHolder(child.pid ?? 0);
    expect(StoreLock.take(path, NOW_MS)).toEqual({ heldBy: child.pid });
    const gone = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await gone;
    expect(StoreLock.take(path, NOW_MS)).toBeInstanceOf(StoreLock);
  });

  it('take: its PID was given to another process since -> taken over', () => {
    writeHolder(process.ppid, { started: '1' });
    expect(StoreLock.take(path, NOW_MS)).toBeInstanceOf(StoreLock);
  });

  it('take: held in another container -> held as long as it is touched, then taken over', () => {
    writeHolder(1, { space: 'pid:[1] another-boot' });
    utimesSync(path, NOW_MS / 1000, NOW_MS / 1000);
    expect(StoreLock.take(path, NOW_MS + LOCK_STALE_MS - 1)).toEqual({ heldBy: 0 });
    expect(StoreLock.take(path, NOW_MS + LOCK_STALE_MS)).toBeInstanceOf(StoreLock);
  });

  it('touch: another process has taken it over -> false, and release leaves it alone', () => {
    const lock = StoreLock.take(path, NOW_MS) as StoreLock;
    writeFileSync(path, JSON.stringify({ pid: 1, started: '1', space: 'elsewhere' }));
    expect(lock.touch(NOW_MS)).toBe(false);
    lock.release();
    expect(existsSync(path)).toBe(true);
  });

  it.each(['', '{', '{"pid":"1"}'])('take: the file holds %j -> nobody holds it', (text) => {
    (StoreLock.take(path, NOW_MS) as StoreLock).release();
    writeFileSync(path, text);
    expect(StoreLock.take(path, NOW_MS)).toBeInstanceOf(StoreLock);
  });
});
