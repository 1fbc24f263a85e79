// The spool of one listener: who goes in, in which order jobs go out, one at a time, and what becomes of one that does not get through.
import { errorText, TorporError } from '../../platform/errors.ts';
import type { StreamStatus } from '../../platform/ports.ts';
import type { SpoolJobStatus } from '../../platform/spool.ts';
import { formatBytes, formatDuration } from '../../platform/units.ts';
import type { Arrival } from '../arrival.ts';
import { IppAnswer } from '../ipp/ipp-answer.ts';
import { type DoorExits, type DoorQueue, IppDoor } from '../ipp/ipp-door.ts';
import type { IppIntake } from '../ipp/ipp-intake.ts';
import type { IppMemory } from '../ipp/ipp-memory.ts';
import type { Listener } from '../listener.ts';
import type { Occupant } from '../room.ts';
import type { StreamRoute } from '../stream.ts';
import type { StreamSocket } from '../stream-socket.ts';
import { SpoolDelivery } from './spool-delivery.ts';
import type { SpoolHome } from './spool-home.ts';
import { type IntakeOwner, SpoolIntake } from './spool-intake.ts';
import { SpoolSession } from './spool-session.ts';
import type { SpooledJob, SpoolStore } from './spool-store.ts';

/** A job that could not be delivered is tried again after this, doubling, as long as its platform runs. */
export const RETRY_MS = 2_000;
export const RETRY_MAX_MS = 10 * 60_000;
/** A platform is woken again for what could not be delivered, or after a wake that did not come, no sooner than this, doubling. */
export const WAKE_AGAIN_MS = 10 * 60_000;
export const WAKE_AGAIN_MAX_MS = 24 * 3_600_000;
const CLOSED = 'its listener is closed';

export interface SpoolQueueOptions {
  readonly home: SpoolHome;
  readonly listener: Listener;
  readonly store: SpoolStore;
  /** A name for one more stream. */
  readonly nextId: () => string;
  /** When it wants a wake may have changed. */
  readonly onChange: () => void;
  /** What the printers behind it were last seen to say. */
  readonly printers: IppMemory;
  readonly exits: DoorExits;
}

type Entry = { readonly job: SpooledJob } | { readonly intake: SpoolIntake };

export class SpoolQueue implements IntakeOwner, DoorQueue {
  readonly store: SpoolStore;
  readonly #options: SpoolQueueOptions;
  readonly #home: SpoolHome;
  readonly #intakes = new Set<SpoolIntake>();
  readonly #door: IppDoor;
  readonly #begun = new Map<SpoolIntake, () => void>();
  /** In the order of delivery: jobs on disk, and clients that wait because there was no room for theirs. */
  #line: Entry[] = [];
  #session: SpoolSession | null = null;
  #delivery: SpoolDelivery | null = null;
  #isRunning = false;
  #isStopped = false;
  #failures = 0;
  #lastProblem: string | null = null;
  #retryAtMs = 0;
  #wakeNotBeforeMs = 0;
  #wakesAsked = 0;
  #cancelRetry = () => {};

  constructor(options: SpoolQueueOptions) {
    this.#options = options;
    this.#home = options.home;
    this.store = options.store;
    this.#line = this.store.jobs.map((job) => ({ job }));
    const { printers: memory, exits } = options;
    this.#door = new IppDoor({ home: this.#home, route: this.#route, memory, queue: this, exits });
  }

  get platform(): string {
    return this.#home.platform;
  }

  get clock(): SpoolHome['clock'] {
    return this.#home.clock;
  }

  get buffers(): SpoolHome['buffers'] {
    return this.#home.buffers;
  }

  get vm(): string {
    return this.#route.vm;
  }

  get waitingJobs(): number {
    return this.#line.length;
  }

  get isWaiting(): boolean {
    return this.#session !== null || this.#line.some((entry) => 'intake' in entry);
  }

  /** It was stopped, and nobody comes in or goes out any more. */
  get isOver(): boolean {
    const isIdle = this.#session === null && !this.#isRunning && this.#begun.size === 0;
    return this.#isStopped && isIdle && this.#intakes.size === 0 && [...this.#door.intakes].length === 0;
  }

  /** Oldest first. */
  get intakes(): Iterable<Occupant> {
    return [...this.#intakes, ...this.#door.intakes];
  }

  streams(): StreamStatus[] {
    const session = this.#session === null ? [] : [this.#session.status()];
    return [...session, ...[...this.#intakes, ...this.#door.intakes].map((intake) => intake.status())];
  }

  jobs(): SpoolJobStatus[] {
    const { platform, vm } = this;
    const { label: listener } = this.#options.listener;
    return this.#line.flatMap((entry, at) => {
      if (!('job' in entry)) return [];
      const { ends: _, ipp: __, ...job } = entry.job;
      const isFirst = at === 0;
      return [
        {
          ...job,
          platform,
          vm,
          listener,
          state: isFirst && this.#delivery !== null ? ('delivering' as const) : ('waiting' as const),
          dueAtMs: this.#dueAtMs(entry.job),
          failures: isFirst ? this.#failures : 0,
          problem: isFirst ? this.#lastProblem : null,
        },
      ];
    });
  }

  // ------------------------------------------------------------------------------------------ clients

  /** A sleeper's clients, and those that would get ahead of jobs that are still to go. Of IPP all: each request is looked at. */
  takes(): boolean {
    if (this.#isStopped || (this.#options.listener.options.defer ?? null) === null) return false;
    if (this.#isIpp) return true;
    return this.#home.isHeld(this.vm) || this.#line.length > 0;
  }

  /** `enter` gives the client its place, before anything can become of it. */
  admit(client: StreamSocket, arrival: Arrival | null, enter: (occupant: Occupant) => void): void {
    if (this.#isIpp) {
      const caller = this.#door.admit(this.#options.nextId(), client, arrival);
      enter(caller);
      caller.start();
      return;
    }
    const intake = new SpoolIntake(this.#options.nextId(), this, this.#route, client, arrival);
    this.#intakes.add(intake);
    enter(intake);
  }

  /** IntakeOwner, and DoorQueue. */
  boundReached(intake: { readonly isWriting: boolean; readonly bytes: number }, bytes: number): string | null {
    const { defer = null } = this.#options.listener.options;
    // Its rules have changed meanwhile.
    if (defer === null) return 'its listener defers nothing any more';
    const all = [...this.#intakes, ...this.#door.intakes];
    const writing = all.filter((each) => each !== intake && each.isWriting).length;
    if (!intake.isWriting && this.store.jobs.length + writing >= defer.maxJobs)
      return `the spool holds ${defer.maxJobs} jobs (maxJobs)`;
    if (intake.bytes > defer.maxJobBytes)
      return `its job is larger than ${formatBytes(defer.maxJobBytes)} (maxJobSize)`;
    if (this.store.fileBytes + bytes > defer.maxTotalBytes)
      return `the spool holds ${formatBytes(defer.maxTotalBytes)} (maxTotal)`;
    return null;
  }

  /** IntakeOwner. */
  onBegun(intake: SpoolIntake): void {
    const forMs = this.#options.listener.options.defer?.forMs ?? 0;
    this.#begun.set(
      intake,
      this.clock.schedule(forMs, () => intake.expire(forMs)),
    );
    this.#home.observer.streamOpened(intake);
  }

  /** IntakeOwner. */
  onSafe(job: SpooledJob): void {
    this.#line.push({ job });
    this.#goOn();
  }

  /** IntakeOwner: as a client of a listener that defers nothing. */
  onOverflow(why: string, intake: SpoolIntake): void {
    const { log, observer, refusals } = this.#home;
    if (this.#isStopped) {
      intake.abandon(`${CLOSED}, and ${why}`);
      return;
    }
    const refusal = this.#home.isHeld(this.vm) ? this.#home.mayWake(intake.route, intake.address) : null;
    if (refusal !== null) {
      refusals.note('wake-rate', intake.listener, intake.client, refusal);
      intake.abandon(`client refused: ${refusal}`);
      return;
    }
    log.warn({ platform: this.platform, stream: intake.id }, `${intake.client} waits, and is not spooled: ${why}`);
    this.#line.push({ intake });
    if (this.#home.isHeld(this.vm)) {
      this.#wakeNotBeforeMs = this.clock.nowMs() + WAKE_AGAIN_MS;
      observer.activityWhileHeld(intake, `cannot be spooled: ${why}`);
    }
    this.#goOn();
  }

  /** IntakeOwner. */
  onGone(intake: SpoolIntake): void {
    this.#intakes.delete(intake);
    this.#options.exits.onGone(intake.route, intake.source);
  }

  /** IntakeOwner. */
  onOver(why: string, intake: SpoolIntake): void {
    const cancel = this.#begun.get(intake);
    if (cancel === undefined) return;
    cancel();
    this.#begun.delete(intake);
    this.#line = this.#line.filter((entry) => !('intake' in entry) || entry.intake !== intake);
    this.#home.observer.streamClosed(intake, `${why} (${formatBytes(intake.bytes)} from the client)`);
    if (this.#isStopped) this.#options.onChange();
  }

  // ------------------------------------------------------------------------------------------ clients of IPP

  get #isIpp(): boolean {
    return this.#options.listener.options.defer?.as === 'ipp';
  }

  /** DoorQueue. */
  get jobMs(): number {
    return this.#options.listener.options.defer?.forMs ?? 0;
  }

  /** DoorQueue. */
  ippJobs(): Array<{ readonly job: SpooledJob; readonly isDelivering: boolean }> {
    return this.#line.flatMap((entry, at) =>
      'job' in entry && entry.job.ipp !== undefined
        ? [{ job: entry.job, isDelivering: at === 0 && this.#delivery !== null }]
        : [],
    );
  }

  /** DoorQueue. */
  wakeFor(why: string, client: IppIntake): string | null {
    if (!this.#home.isHeld(this.vm)) return null;
    const refusal = this.#home.mayWake(client.route, client.address);
    if (refusal === null) this.#home.observer.activityWhileHeld(client, why);
    return refusal;
  }

  // ------------------------------------------------------------------------------------------ waking

  /** When its sleeper is to be woken for it; null: not at all. */
  get wantsWakeAtMs(): number | null {
    if (this.#isStopped || this.#line.length === 0 || !this.#home.isHeld(this.vm)) return null;
    const dues = this.#line.map((entry) => ('job' in entry ? this.#dueAtMs(entry.job) : 0));
    return Math.max(this.#wakeNotBeforeMs, Math.min(...dues));
  }

  /** Has its platform woken. What comes of it is heard by `heldChanged`. */
  askWake(why: string): void {
    this.#wakeNotBeforeMs = this.clock.nowMs() + doubled(WAKE_AGAIN_MS, this.#wakesAsked, WAKE_AGAIN_MAX_MS);
    this.#wakesAsked += 1;
    this.#home.observer.activityWhileHeld(this.#openSession(why), why);
  }

  /** Its VM is held, or is not any more. */
  heldChanged(): void {
    if (this.#home.isHeld(this.vm)) {
      // Bytes that were not delivered must not wait for somebody else to wake the VM.
      if (this.#delivery !== null && this.#session !== null)
        this.#home.observer.activityWhileHeld(this.#session, 'a spooled job is half delivered');
    } else this.#wakesAsked = 0;
    this.#delivery?.heldChanged();
    this.#door.heldChanged();
    this.#goOn();
  }

  /** The VM does not come up: who waits is told so, what is on disk stays there. */
  giveUp(why: string): void {
    for (const entry of [...this.#line]) if ('intake' in entry) entry.intake.abandon(`gave up: ${why}`);
    if (!this.#isRunning) this.#endSession(why);
  }

  /** Its VM lost its memory: what was sent over this connection is gone, and the job is sent anew. */
  loseSession(why: string): void {
    this.#delivery?.abort(why);
  }

  // ------------------------------------------------------------------------------------------ orders

  /** Delivers now, after a wake where one is needed. */
  deliverNow(why: string): void {
    if (this.#line.length === 0) return;
    this.#retryAtMs = 0;
    if (this.#home.isHeld(this.vm)) this.askWake(why);
    this.#goOn();
  }

  /** Throws ERR_SPOOL where the job is on its way. Resolves false where there is none of that name. */
  async drop(id: string): Promise<boolean> {
    const at = this.#line.findIndex((entry) => 'job' in entry && entry.job.id === id);
    const entry = this.#line[at];
    if (entry === undefined || !('job' in entry)) return false;
    if (at === 0 && this.#delivery !== null)
      throw new TorporError('ERR_SPOOL', `the job ${id} is being delivered: wait until it has arrived or failed`);
    this.#line.splice(at, 1);
    await this.store.remove(entry.job);
    this.#home.log.info({ platform: this.platform, job: id }, `dropped a spooled job of ${entry.job.client}`);
    this.#options.onChange();
    return true;
  }

  /** Another process may have added to the folder. */
  async scan(): Promise<void> {
    await this.store.scan();
    const known = new Set(this.#line.flatMap((entry) => ('job' in entry ? [entry.job.id] : [])));
    const found = this.store.jobs.filter(({ id }) => !known.has(id));
    if (found.length === 0) return;
    this.#line.push(...found.map((job) => ({ job })));
    this.#goOn();
  }

  /**
   * Takes no more clients and delivers nothing: another Torpor may do so. Those that are coming in come in to their end; those that wait are
   * reset, for no other can have them.
   */
  stop(): void {
    this.#halt();
    for (const entry of [...this.#line]) if ('intake' in entry) entry.intake.abandon(CLOSED);
    // One that runs ends its session itself.
    if (!this.#isRunning) this.#endSession(CLOSED);
  }

  #halt(): void {
    this.#isStopped = true;
    this.#cancelRetry();
    this.#door.stop();
    this.#delivery?.abort(CLOSED);
  }

  /** Torpor goes: who is not safe is reset. */
  close(): void {
    this.#halt();
    for (const cancel of this.#begun.values()) cancel();
    for (const intake of [...this.#intakes]) intake.shutDown();
    this.#door.close();
  }

  // ------------------------------------------------------------------------------------------ delivery

  get #route(): StreamRoute {
    return this.#options.listener.route;
  }

  #dueAtMs(job: SpooledJob): number {
    return job.endedAtMs + (this.#options.listener.options.defer?.forMs ?? 0);
  }

  #goOn(): void {
    void this.#run();
    this.#options.onChange();
  }

  get #mayDeliver(): boolean {
    if (this.#isStopped || this.#line.length === 0 || this.#home.isHeld(this.vm)) return false;
    return this.clock.nowMs() >= this.#retryAtMs;
  }

  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    while (this.#mayDeliver) await this.#deliverNext(this.#line[0] as Entry);
    this.#isRunning = false;
    const left = this.#line.length === 0 ? 'nothing is left' : `${this.#line.length} left`;
    this.#endSession(this.#lastProblem === null ? left : `${this.#lastProblem}; ${left}`);
    this.#options.onChange();
  }

  async #deliverNext(entry: Entry): Promise<void> {
    const { log } = this.#home;
    const facts = { platform: this.platform, listener: this.#options.listener.label };
    try {
      const session = this.#enterPool(`delivers ${countJobs(this.#line.length)}`);
      if ('job' in entry && !(await this.#isWhole(entry.job))) return;
      await this.#bring(entry, session);
      this.#failures = 0;
      this.#lastProblem = null;
      session.deliveredJobs += 1;
      session.deliveredBytes += session.sentBytes;
      this.#home.observer.streamDelivered(session, session.sentBytes);
      session.sentBytes = 0;
      this.#line = this.#line.filter((each) => each !== entry);
      // Between the target's last word and this a crash brings the job twice; it never loses it.
      if ('job' in entry) await this.store.remove(entry.job);
      else entry.intake.conclude();
    } catch (thrown) {
      this.#fail(entry, errorText(thrown));
      log.warn({ ...facts, failures: this.#failures }, `a spooled job could not be delivered: ${errorText(thrown)}`);
    }
  }

  async #bring(entry: Entry, session: SpoolSession): Promise<void> {
    const { content, ends, onReply } =
      'job' in entry
        ? { content: this.store.read(entry.job), ends: entry.job.ends, onReply: async () => {} }
        : {
            content: entry.intake.content(),
            ends: entry.intake.ends,
            onReply: (bytes: Uint8Array) => entry.intake.reply(bytes),
          };
    const onSent = (bytes: number) => {
      session.sentBytes += bytes;
    };
    const answer = 'job' in entry && entry.job.ipp !== undefined ? new IppAnswer() : null;
    this.#delivery = new SpoolDelivery({
      home: this.#home,
      route: this.#route,
      ends,
      content,
      answer,
      onReply,
      onSent,
    });
    try {
      await this.#delivery.run();
    } finally {
      this.#delivery = null;
    }
  }

  /** A damaged one, and one that is gone, is out of the way afterwards. */
  async #isWhole(job: SpooledJob): Promise<boolean> {
    const { log } = this.#home;
    try {
      if (await this.store.verify(job)) return true;
      const facts = { platform: this.platform, listener: this.#options.listener.label, job: job.id };
      log.warn(
        facts,
        'a spooled job is forgotten, as its file is gone: another Torpor delivered it, or it was removed',
      );
    } catch (thrown) {
      if (!(thrown instanceof TorporError) || thrown.code !== 'ERR_LZ4_FRAME') throw thrown;
      await this.store.setAside(job.id, thrown.message);
    }
    this.#line = this.#line.filter((each) => !('job' in each) || each.job !== job);
    return false;
  }

  /** Whoever waits is told by a reset; what is on disk is tried again. */
  #fail(entry: Entry, problem: string): void {
    if (this.#session !== null) this.#session.sentBytes = 0;
    if ('intake' in entry) {
      entry.intake.abandon(problem);
      return;
    }
    if (this.#isStopped) return;
    const nowMs = this.clock.nowMs();
    this.#lastProblem = problem;
    const waitMs = doubled(RETRY_MS, this.#failures, RETRY_MAX_MS);
    this.#retryAtMs = nowMs + waitMs;
    this.#wakeNotBeforeMs = nowMs + doubled(WAKE_AGAIN_MS, this.#failures, WAKE_AGAIN_MAX_MS);
    this.#failures += 1;
    this.#cancelRetry();
    this.#cancelRetry = this.clock.schedule(waitMs, () => void this.#run());
  }

  // ------------------------------------------------------------------------------------------ the pool

  #openSession(why: string): SpoolSession {
    if (this.#session !== null) return this.#session;
    const session = new SpoolSession(this.#options.nextId(), this.platform, this.#route, this.clock.nowMs());
    session.why = why;
    this.#session = session;
    this.#home.observer.streamOpened(session);
    return session;
  }

  #enterPool(why: string): SpoolSession {
    const session = this.#openSession(why);
    if (session.isActive) return session;
    session.isActive = true;
    session.activeAtMs = this.clock.nowMs();
    session.why = why;
    this.#home.observer.streamActive(session, why);
    return session;
  }

  #endSession(why: string): void {
    const session = this.#session;
    if (session === null) return;
    this.#session = null;
    const done = `${countJobs(session.deliveredJobs)} delivered (${formatBytes(session.deliveredBytes)})`;
    if (session.isActive) {
      session.isActive = false;
      this.#home.observer.streamIdle(session, done);
    }
    this.#home.observer.streamClosed(session, `${done}: ${why}`);
  }
}

/** For people: how long the oldest of so many jobs has waited. */
export function describeDue(jobs: number, oldestMs: number): string {
  const waited = formatDuration(oldestMs);
  return jobs === 1 ? `a spooled job is due after ${waited}` : `${jobs} spooled jobs, the first due after ${waited}`;
}

export function countJobs(jobs: number): string {
  return jobs === 1 ? '1 spooled job' : `${jobs} spooled jobs`;
}

function doubled(firstMs: number, times: number, maxMs: number): number {
  return Math.min(maxMs, firstMs * 2 ** Math.min(times, 30));
}
