// All spools of one platform: one queue per listener that defers, one wake for all that is due. Which clients come is the StreamSet's.
import { join } from 'node:path';
import { FrameMemory } from '../../core/frame-memory.ts';
import { errorText } from '../../platform/errors.ts';
import type { StreamStatus } from '../../platform/ports.ts';
import type { SpoolJobStatus, SpoolKeeper } from '../../platform/spool.ts';
import type { Arrival } from '../arrival.ts';
import type { DoorExits } from '../ipp/ipp-door.ts';
import { IppMemory } from '../ipp/ipp-memory.ts';
import type { Listener } from '../listener.ts';
import type { Occupant } from '../room.ts';
import type { StreamRoute } from '../stream.ts';
import type { StreamSocket } from '../stream-socket.ts';
import { findListenersLeft, tellLeft } from './left-jobs.ts';
import { realDisk, type SpoolDisk } from './spool-disk.ts';
import type { SpoolHome } from './spool-home.ts';
import { describeDue, SpoolQueue } from './spool-queue.ts';
import { countJobs, SpoolStore } from './spool-store.ts';

/** Another Torpor that is ending may still add jobs: folders are looked at that often. */
export const SCAN_MS = 60_000;
/** A timer's longest wait; what is due later is looked at again then. */
const LOOK_MAX_MS = 24 * 3_600_000;

export interface SpoolOptions {
  readonly home: SpoolHome;
  /** The platform's own, within the state folder. */
  readonly folder: string;
  readonly disk?: SpoolDisk;
  readonly nextId: () => string;
  /** The client's socket is gone. */
  readonly onGone: (route: StreamRoute, source: string) => void;
  /** It is the listener's client as if nothing could be deferred. */
  readonly onPassed: (listener: Listener, ...what: Parameters<DoorExits['onPassed']>) => void;
}

export class Spool implements SpoolKeeper {
  readonly #options: SpoolOptions;
  readonly #home: SpoolHome;
  readonly #queues = new Map<Listener, SpoolQueue>();
  /** Of listeners that are closed: what is still coming in for them comes in. */
  readonly #retired = new Set<SpoolQueue>();
  /** Of all queues: a listener that is back has another one than before, in the same folder. */
  readonly #parts = new Set<string>();
  #memory: Promise<FrameMemory> | null = null;
  #cancelWake = () => {};
  #cancelScan = () => {};
  #isClosed = false;

  constructor(options: SpoolOptions) {
    this.#options = options;
    this.#home = options.home;
  }

  /**
   * Reads what lies there for a listener, before that opens. One that defers nothing any more gets what it deferred before, as it does where its rules
   * change under way. Rejects where the folder of one that defers cannot be used.
   */
  async adopt(listener: Listener): Promise<void> {
    if (this.#queues.has(listener)) return;
    const { home, disk = realDisk, nextId, onGone, onPassed } = this.#options;
    const folder = join(this.#options.folder, folderOf(listener));
    const defers = (listener.options.defer ?? null) !== null;
    if (!defers && (await countJobs(disk, folder)) === 0) return;
    this.#memory ??= FrameMemory.create();
    const store = new SpoolStore({ folder, disk, memory: await this.#memory, log: home.log, parts: this.#parts });
    await store.scan();
    const printers = new IppMemory({ disk, folder, log: home.log });
    await printers.load();
    const exits: DoorExits = {
      onGone: (...what) => {
        onGone(...what);
        this.#forgetOver();
      },
      onPassed: (...what) => onPassed(listener, ...what),
    };
    const onChange = () => {
      this.#forgetOver();
      this.#arm();
    };
    const queue = new SpoolQueue({ home, listener, store, nextId, printers, exits, onChange });
    this.#queues.set(listener, queue);
    this.#cancelScan();
    this.#scanLater();
    const { platform, log } = home;
    const facts = { platform, listener: listener.label, jobs: store.jobs.length };
    if (!defers)
      log.warn(
        facts,
        `${waiting(facts.jobs)} at ${facts.listener}, though that defers nothing any more: delivered now`,
      );
    else if (facts.jobs > 0) log.info(facts, `${waiting(facts.jobs)} for ${platform}`);
    queue.heldChanged();
  }

  /** Says where jobs lie that nobody here delivers: their listener, or its address, is another now. */
  async noteLeft(): Promise<void> {
    const { home, disk = realDisk, folder } = this.#options;
    const adopted = new Set([...this.#queues.keys()].map(folderOf));
    for (const left of await findListenersLeft(folder, adopted, disk)) {
      const facts = { platform: home.platform, folder: left.folder, jobs: left.jobs };
      home.log.warn(facts, tellLeft(left));
    }
  }

  /** The listener is closed; what is spooled for it stays on disk. */
  retire(listener: Listener): void {
    const queue = this.#queues.get(listener);
    if (queue === undefined) return;
    queue.stop();
    this.#queues.delete(listener);
    this.#retired.add(queue);
    this.#forgetOver();
  }

  /** Of open listeners, and of closed ones that are not over. */
  get queues(): number {
    return this.#queues.size + this.#retired.size;
  }

  /** Takes this client, and gives it its place; false: it goes past the spool. */
  admit(
    client: StreamSocket,
    listener: Listener,
    arrival: Arrival | null,
    enter: (occupant: Occupant) => void,
  ): boolean {
    const queue = this.#queues.get(listener);
    if (queue?.takes() !== true) return false;
    queue.admit(client, arrival, enter);
    return true;
  }

  *intakesAt(listener: Listener): Iterable<Occupant> {
    yield* this.#queues.get(listener)?.intakes ?? [];
  }

  streams(): StreamStatus[] {
    return [...this.#queues.values(), ...this.#retired].flatMap((queue) => queue.streams());
  }

  waitingVms(): string[] {
    return [...this.#queues.values()].filter(({ isWaiting }) => isWaiting).map(({ vm }) => vm);
  }

  // ------------------------------------------------------------------------------------------ what the StreamSet is told

  heldChanged(): void {
    for (const queue of this.#queues.values()) queue.heldChanged();
    this.#arm();
  }

  giveUp(vm: string | null, why: string): void {
    for (const queue of this.#of(vm)) queue.giveUp(why);
    this.#arm();
  }

  loseSessions(vm: string | null, why: string): void {
    for (const queue of this.#of(vm)) queue.loseSession(why);
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelWake();
    this.#cancelScan();
    for (const queue of [...this.#queues.values(), ...this.#retired]) queue.close();
  }

  // ------------------------------------------------------------------------------------------ SpoolKeeper

  jobs(): SpoolJobStatus[] {
    return [...this.#queues.values()].flatMap((queue) => queue.jobs());
  }

  deliver(why: string): void {
    for (const queue of this.#queues.values()) queue.deliverNow(why);
  }

  async drop(id: string): Promise<boolean> {
    for (const queue of this.#queues.values()) if (await queue.drop(id)) return true;
    return false;
  }

  #forgetOver(): void {
    for (const queue of this.#retired) if (queue.isOver) this.#retired.delete(queue);
  }

  // ------------------------------------------------------------------------------------------ wakes

  #of(vm: string | null): SpoolQueue[] {
    return [...this.#queues.values()].filter((queue) => vm === null || queue.vm === vm);
  }

  #arm(): void {
    this.#cancelWake();
    if (this.#isClosed) return;
    const wanted = [...this.#queues.values()].flatMap(({ wantsWakeAtMs }) =>
      wantsWakeAtMs === null ? [] : [wantsWakeAtMs],
    );
    if (wanted.length === 0) return;
    const waitMs = Math.max(0, Math.min(...wanted) - this.#home.clock.nowMs());
    this.#cancelWake = this.#home.clock.schedule(Math.min(waitMs, LOOK_MAX_MS), () => this.#wakeIfDue());
  }

  /** One wake for everything that lies there, due or not. */
  #wakeIfDue(): void {
    const nowMs = this.#home.clock.nowMs();
    const waiting = [...this.#queues.values()].filter(({ wantsWakeAtMs }) => wantsWakeAtMs !== null);
    if (waiting.some(({ wantsWakeAtMs }) => (wantsWakeAtMs ?? nowMs + 1) <= nowMs)) {
      const jobs = waiting.flatMap((queue) => queue.jobs());
      const oldestMs = Math.min(nowMs, ...jobs.map(({ endedAtMs }) => endedAtMs));
      const count = waiting.reduce((sum, { waitingJobs }) => sum + waitingJobs, 0);
      const why = describeDue(count, nowMs - oldestMs);
      for (const queue of waiting) queue.askWake(why);
    }
    this.#arm();
  }

  #scanLater(): void {
    this.#cancelScan = this.#home.clock.schedule(SCAN_MS, () => {
      void this.#scan().finally(() => {
        if (!this.#isClosed) this.#scanLater();
      });
    });
  }

  async #scan(): Promise<void> {
    const { log, platform } = this.#home;
    for (const queue of this.#queues.values())
      await queue
        .scan()
        .catch((thrown: unknown) => log.warn({ platform }, `cannot read a spool: ${errorText(thrown)}`));
  }
}

function waiting(jobs: number): string {
  return jobs === 1 ? '1 spooled job waits' : `${jobs} spooled jobs wait`;
}

/** The same after a restart. A listener's address and its VM are unique together. */
function folderOf({ options: { listen, vm } }: Listener): string {
  return `${vm}-${listen.host}-${listen.port}`.replace(/[^\w.-]/g, '_');
}
