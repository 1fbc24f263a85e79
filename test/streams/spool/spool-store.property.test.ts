// The spool's promise over power cuts at any place: a job that was called safe is there afterwards, whole and once, until it was delivered.
import { describe, expect, it } from 'vitest';
import { FrameMemory } from '../../../src/core/frame-memory.ts';
import { SpoolStore } from '../../../src/streams/spool/spool-store.ts';
import { KeptLog } from '../../support/kept-log.ts';
import { makeRandom } from '../support/checked-traffic.ts';
import { noise } from '../support/socket-reader.ts';
import { CrashingDisk } from './support/crashing-disk.ts';

const FOLDER = '/spool';
const RUNS = 60;
const JOBS = 6;

interface Course {
  /** By id, what was called safe. */
  readonly safe: Map<string, Buffer>;
  /** The target has had these; and these were also removed for certain. */
  readonly delivered: Set<string>;
  readonly removed: Set<string>;
  readonly sent: Buffer[];
}

async function play(disk: CrashingDisk, course: Course, random: (below: number) => number): Promise<void> {
  const store = await openStore(disk);
  for (let number = 0; number < JOBS; number += 1) {
    const bytes = noise(random(3) === 0 ? 150_000 + random(50_000) : 1 + random(2000), 1 + random(1000));
    course.sent.push(bytes);
    const writer = store.begin();
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + 1 + random(70_000));
      await writer.add(bytes.subarray(at, end));
      at = end;
    }
    if (random(8) === 0) await store.drop(writer);
    else {
      const head = { arrivedAtMs: number, endedAtMs: number, client: '10.0.0.7:5000', ends: null };
      course.safe.set((await store.commit(writer, head)).id, bytes);
    }
    const [first] = store.jobs;
    if (first === undefined || random(3) > 0) continue;
    await store.verify(first);
    course.delivered.add(first.id);
    await store.remove(first);
    course.removed.add(first.id);
  }
}

async function openStore(disk: CrashingDisk, log = new KeptLog()): Promise<SpoolStore> {
  const store = new SpoolStore({ folder: FOLDER, disk, memory: await FrameMemory.create(), log, isAlive: () => false });
  await store.scan();
  return store;
}

async function contentOf(store: SpoolStore): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  for (const job of store.jobs) {
    const pieces: Uint8Array[] = [];
    for await (const piece of store.read(job)) pieces.push(piece);
    found.set(job.id, Buffer.concat(pieces));
  }
  return found;
}

describe('SpoolStore', () => {
  it(`a power cut at any of its calls to the disk, ${RUNS} times: what was safe -> is there, whole, once and in order`, async () => {
    let cuts = 0;
    for (let seed = 1; seed <= RUNS; seed += 1) {
      const random = makeRandom(seed * 7919);
      const disk = new CrashingDisk();
      disk.cutAt = 1 + random(60);
      const course: Course = { safe: new Map(), delivered: new Set(), removed: new Set(), sent: [] };
      await play(disk, course, random).catch(() => {
        cuts += 1;
      });
      const after = disk.afterPowerCut(random);
      const found = await contentOf(await openStore(after));
      for (const [id, bytes] of course.safe) {
        if (course.removed.has(id)) expect(found.has(id), `seed ${seed}: ${id} came back`).toBe(false);
        else if (!course.delivered.has(id))
          expect(found.get(id)?.equals(bytes), `seed ${seed}: ${id} is lost or changed`).toBe(true);
      }
      for (const [id, bytes] of found)
        expect(
          course.sent.some((each) => each.equals(bytes)),
          `seed ${seed}: ${id} is half a job`,
        ).toBe(true);
      expect([...found.keys()], `seed ${seed}`).toEqual([...found.keys()].sort());
      expect(
        after.names.filter((name) => name.endsWith('.part')),
        `seed ${seed}`,
      ).toEqual([]);
    }
    // Seeds that end before their cut would prove nothing.
    expect(cuts).toBeGreaterThan(RUNS / 2);
  });

  it('a disk that is full in the middle of a job: everything that was given -> is still there, from disk and memory', async () => {
    const disk = new CrashingDisk();
    const store = await openStore(disk);
    const writer = store.begin();
    const bytes = noise(200_000, 3);
    await writer.add(bytes.subarray(0, 150_000));
    disk.isFull = true;
    await expect(writer.add(bytes.subarray(150_000))).rejects.toThrow('ENOSPC');
    const pieces: Uint8Array[] = [];
    for await (const piece of writer.content()) pieces.push(piece);
    expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
  });

  it('a byte that changed on disk, in head or frame: the job -> is set aside with a line in the log, and not delivered', async () => {
    for (const at of [3, 20, 600]) {
      const disk = new CrashingDisk();
      const first = await openStore(disk);
      const writer = first.begin();
      await writer.add(noise(3000, 5));
      const head = { arrivedAtMs: 1, endedAtMs: 2, client: '10.0.0.7:5000', ends: null };
      const { id } = await first.commit(writer, head);
      disk.damage(`${FOLDER}/${id}.job`, at);
      const log = new KeptLog();
      const store = await openStore(disk, log);
      const [job] = store.jobs;
      if (job !== undefined) {
        await expect(store.verify(job), `byte ${at}`).rejects.toMatchObject({ code: 'ERR_LZ4_FRAME' });
        await store.setAside(job.id, 'it is damaged');
      }
      expect(disk.names, `byte ${at}`).toEqual([`${FOLDER}/${id}.torn`]);
      expect(
        log.lines.filter(({ level }) => level === 'error'),
        `byte ${at}`,
      ).toHaveLength(1);
    }
  });

  it('a scan while a job has its name and is not safe yet -> leaves it to whoever commits it: two would deliver it twice', async () => {
    const disk = new SlowFolderDisk();
    const store = await openStore(disk);
    const writer = store.begin();
    await writer.add(noise(3000, 5));
    const committed = store.commit(writer, { arrivedAtMs: 1, endedAtMs: 2, client: '10.0.0.7:5000', ends: null });
    await disk.isSyncing;
    expect(disk.names).toEqual([expect.stringMatching(/\.job$/)]);
    await store.scan();
    expect(store.jobs).toEqual([]);
    disk.goOn(null);
    const job = await committed;
    await store.scan();
    expect(store.jobs).toEqual([job]);
  });

  it('a folder that cannot be synced, then a scan -> no job: its client waits, and brings it itself', async () => {
    const disk = new SlowFolderDisk();
    const store = await openStore(disk);
    const writer = store.begin();
    const bytes = noise(3000, 5);
    await writer.add(bytes);
    const committed = store.commit(writer, { arrivedAtMs: 1, endedAtMs: 2, client: '10.0.0.7:5000', ends: null });
    await disk.isSyncing;
    disk.goOn(new Error('EIO: i/o error'));
    await expect(committed).rejects.toThrow('EIO');
    await store.scan();
    expect(store.jobs).toEqual([]);
    const pieces: Uint8Array[] = [];
    for await (const piece of writer.content()) pieces.push(piece);
    expect(Buffer.concat(pieces).equals(bytes)).toBe(true);
    await store.drop(writer);
    await store.scan();
    expect([store.jobs, disk.names]).toEqual([[], []]);
  });
});

/** A folder's names are on disk when a test says so. */
class SlowFolderDisk extends CrashingDisk {
  goOn: (problem: Error | null) => void = () => {};
  #begun: () => void = () => {};
  readonly isSyncing = new Promise<void>((resolve) => {
    this.#begun = resolve;
  });

  override async syncFolder(): Promise<void> {
    const problem = await new Promise<Error | null>((resolve) => {
      this.goOn = resolve;
      this.#begun();
    });
    if (problem !== null) throw problem;
    await super.syncFolder();
  }
}
