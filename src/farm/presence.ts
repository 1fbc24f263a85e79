// Who is there: this Torpor's own lease, and the others' silence. No clock is compared with another's: everybody measures with its own.
//
// Each Torpor writes its key every few seconds by compare-and-set. Its lease runs, by its own clock, from before the last write that
// succeeded was sent. Who hears nothing new of another for the whole lease, by its own clock and from when it heard, removes that key at
// the revision it heard: if a beat came in between that fails, and if it succeeds no later beat can. So at the moment at which a
// Torpor's key is gone its lease is over by its own clock, as long as clocks run at the same rate but for the margin.
import { errorText } from '../platform/errors.ts';
import type { Clock, Logger } from '../platform/ports.ts';
import { instanceOf, type MemberId } from './platform-record.ts';
import type { SharedStore, StoreEntry } from './shared-store.ts';

export const PRESENCE_PREFIX = 'instance.';
/** Beats within one lease. */
const BEATS_PER_LEASE = 5;
/** What the own lease ends earlier than the others may think: clocks' rates, and the way from the look at it to the wire. */
const MARGIN_SHARE = 0.1;
/** After this part of a lease without a beat nobody is sure of a Torpor any more. */
const SUSPECT_SHARE = 0.5;
/** Beats of the process that goes on as a run are counted from so much later on: none of them is taken for one of the process before. */
const BEATS_APART = 1_000;
/** So many own beats are remembered, to recognise one whose answer was lost. */
const BEATS_REMEMBERED = 8;

interface Beat {
  /** Of this run: a restarted Torpor has another. */
  readonly boot: string;
  readonly beat: number;
  /** Of Torpor, for people. */
  readonly version: string;
}

interface Other extends Beat {
  readonly revision: number;
  readonly seenMs: number;
}

export interface PresenceOptions {
  readonly store: SharedStore;
  readonly name: string;
  readonly version: string;
  readonly leaseMs: number;
  readonly clock: Clock;
  /** A second clock, the wall's: it goes on where the machine itself slept, as the steady one may not. */
  readonly wallMs: () => number;
  /** Another process of this name has rested for this one: what stands in its key is gone on with. Left out: false. */
  readonly follows?: boolean;
  /** A name for a run that no other run has. */
  readonly newBoot: () => string;
  readonly log: Logger;
  /** Who is there, or who this Torpor is, or whether its lease holds, may have changed. */
  readonly onChange: () => void;
}

export class Presence {
  readonly #options: PresenceOptions;
  readonly #others = new Map<string, Other>();
  readonly #sent = new Map<number, { ms: number; wallMs: number }>();
  #boot: string;
  #beat = 0;
  /** 0: its key is not there yet. */
  #revision = 0;
  #confirmed: { ms: number; wallMs: number } | null = null;
  /** Who else has this Torpor's name; null: nobody. */
  #namesake: Other | null = null;
  /** Since when it has heard the store without a break: silence before that proves nothing. */
  #hearsSinceMs: number | null = null;
  #ownSeenMs = 0;
  /** When the watch told anything last. */
  #toldMs = 0;
  #isCaughtUp = false;
  #isStopped = false;
  /** Until its first beat is confirmed, or another's name is met. */
  #mayGoOn: boolean;
  #isResting = false;
  #beating: Promise<void> = Promise.resolve();
  #cancel: () => void = () => {};

  constructor(options: PresenceOptions) {
    this.#options = options;
    this.#boot = options.newBoot();
    this.#mayGoOn = options.follows ?? false;
  }

  get id(): MemberId {
    return `${this.#options.name}@${this.#boot}`;
  }

  /** Milliseconds between two beats. */
  get beatMs(): number {
    return this.#options.leaseMs / BEATS_PER_LEASE;
  }

  /** Also after `stop`: then as another run; after `rest` as the same one. */
  start(): void {
    this.#isStopped = false;
    this.#isResting = false;
    this.#tick();
  }

  /** Says nothing more and leaves its key, and with it all that it said, to the process that goes on as this run. Its lease goes on meanwhile. */
  async rest(): Promise<void> {
    this.#isStopped = true;
    this.#isResting = true;
    this.#cancel();
    await this.#beating;
    this.#confirmed = null;
    this.#sent.clear();
    this.#options.onChange();
  }

  /** Its key is removed, so that nobody waits for its lease; not after `rest`. */
  async stop(): Promise<void> {
    if (this.#isResting) return;
    this.#isStopped = true;
    this.#cancel();
    await this.#beating;
    this.#confirmed = null;
    if (this.#revision > 0) await this.#options.store.remove(this.#key, this.#revision);
    this.#revision = 0;
    this.#sent.clear();
    this.#boot = this.#options.newBoot();
    this.#options.onChange();
  }

  /** True while nobody can have declared it dead, by its own clocks. */
  leaseHolds(): boolean {
    const { leaseMs, clock, wallMs } = this.#options;
    if (this.#confirmed === null) return false;
    const ownMs = leaseMs * (1 - MARGIN_SHARE);
    return clock.nowMs() - this.#confirmed.ms < ownMs && wallMs() - this.#confirmed.wallMs < ownMs;
  }

  isLive(id: MemberId): boolean {
    if (id === this.id) return true;
    const other = this.#others.get(instanceOf(id));
    return other !== undefined && `${instanceOf(id)}@${other.boot}` === id;
  }

  /** The others who count now, by name. */
  others(): Array<{
    readonly name: string;
    readonly id: MemberId;
    readonly version: string;
    readonly silentMs: number;
  }> {
    const nowMs = this.#options.clock.nowMs();
    return [...this.#others].map(([name, { boot, version, seenMs }]) => {
      return { name, id: `${name}@${boot}`, version, silentMs: nowMs - seenMs };
    });
  }

  /** Why it is not sure who is there; null: it is. For people. */
  doubt(): string | null {
    const { name, leaseMs } = this.#options;
    if (this.#namesake !== null)
      return `another Torpor is called ${name}, or it was until now: its lease must end first`;
    if (!this.#isCaughtUp) return 'what the others do has not been read yet';
    if (!this.leaseHolds()) return 'the store has not confirmed this Torpor’s lease';
    if (this.#isDeaf()) return 'the store tells nothing new';
    const silent = this.others().find(({ silentMs }) => silentMs > leaseMs * SUSPECT_SHARE);
    if (silent === undefined) return null;
    return `${silent.name} has fallen silent, and its lease is not over`;
  }

  /** What it heard before counts no longer. */
  onBegin(): void {
    this.#isCaughtUp = false;
    this.#hearsSinceMs = null;
    this.#toldMs = this.#options.clock.nowMs();
    this.#others.clear();
  }

  onCaughtUp(): void {
    this.#isCaughtUp = true;
    const nowMs = this.#options.clock.nowMs();
    this.#hearsSinceMs = nowMs;
    this.#ownSeenMs = nowMs;
  }

  onEntry({ key, value, revision }: StoreEntry): void {
    const name = key.slice(PRESENCE_PREFIX.length);
    const beat = value === null ? null : parseBeat(value);
    if (name === this.#options.name) this.#seeOwn(beat, revision);
    else if (beat === null) this.#others.delete(name);
    else this.#see(name, { ...beat, revision, seenMs: this.#options.clock.nowMs() });
  }

  get #key(): string {
    return PRESENCE_PREFIX + this.#options.name;
  }

  #see(name: string, other: Other): void {
    const before = this.#others.get(name);
    // Told twice is not a beat.
    if (before !== undefined && before.revision >= other.revision) return;
    this.#others.set(name, other);
  }

  #seeOwn(beat: Beat | null, revision: number): void {
    this.#ownSeenMs = this.#options.clock.nowMs();
    if (beat === null || beat.boot === this.#boot) {
      if (beat === null && this.#namesake !== null && revision > this.#namesake.revision) this.#namesake = null;
      return;
    }
    if (revision > (this.#namesake?.revision ?? this.#revision)) this.#meetNamesake(beat, revision);
  }

  #meetNamesake(beat: Beat, revision: number): void {
    if (!this.#mayGoOn) {
      this.#namesake = { ...beat, revision, seenMs: this.#options.clock.nowMs() };
      return;
    }
    this.#mayGoOn = false;
    this.#boot = beat.boot;
    this.#beat = beat.beat + BEATS_APART;
    this.#revision = revision;
    this.#sent.clear();
    this.#options.log.info({ boot: this.#boot }, 'goes on as the Torpor before this one: its lease and its word stand');
  }

  #isDeaf(): boolean {
    return this.#options.clock.nowMs() - this.#ownSeenMs > this.#options.leaseMs * SUSPECT_SHARE;
  }

  /** Something of the store was told, whatever it is about. */
  onTold(): void {
    this.#toldMs = this.#options.clock.nowMs();
  }

  /** True where the watch has fallen silent though beats are confirmed, before it had told all or after: it is to begin anew. */
  get needsNewWatch(): boolean {
    const { clock, leaseMs } = this.#options;
    if (!this.leaseHolds() || this.#namesake !== null) return false;
    return this.#isCaughtUp ? this.#isDeaf() : clock.nowMs() - this.#toldMs > leaseMs;
  }

  #tick(): void {
    if (this.#isStopped) return;
    this.#cancel = this.#options.clock.schedule(this.beatMs, () => this.#tick());
    this.#beating = this.#beating
      .then(() => this.#turn())
      .catch((thrown) => {
        this.#options.log.error({ error: errorText(thrown) }, 'a beat in the shared store failed');
      });
  }

  async #turn(): Promise<void> {
    if (this.#isStopped || !this.#options.store.status.connected) {
      this.#hearsSinceMs = null;
    } else {
      await this.#beatOnce();
      if (!this.leaseHolds() || !this.#isCaughtUp) this.#hearsSinceMs = null;
      else this.#hearsSinceMs ??= this.#options.clock.nowMs();
      await this.#endSilent();
    }
    this.#options.onChange();
  }

  async #beatOnce(): Promise<void> {
    if (this.#namesake !== null) return;
    const { store, version, clock, wallMs } = this.#options;
    this.#beat += 1;
    const sent = { ms: clock.nowMs(), wallMs: wallMs() };
    this.#sent.set(this.#beat, sent);
    this.#sent.delete(this.#beat - BEATS_REMEMBERED);
    const value = JSON.stringify({ boot: this.#boot, beat: this.#beat, version });
    const answer =
      this.#revision === 0
        ? await store.create(this.#key, value)
        : await store.update(this.#key, value, this.#revision);
    if (answer.outcome === 'written') {
      this.#mayGoOn = false;
      this.#revision = answer.revision;
      this.#confirmed = sent;
    } else await this.#lookAgain();
  }

  /** A beat was not confirmed: what stands there tells whose key it is now. */
  async #lookAgain(): Promise<void> {
    const { store, log } = this.#options;
    let entry: StoreEntry | null;
    try {
      entry = await store.get(this.#key);
    } catch {
      return;
    }
    const beat = entry?.value == null ? null : parseBeat(entry.value);
    if (entry !== null && beat !== null && beat.boot === this.#boot) {
      this.#revision = entry.revision;
      this.#confirmed = this.#sent.get(beat.beat) ?? this.#confirmed;
      return;
    }
    if (this.#revision > 0) {
      log.warn({ boot: this.#boot }, 'the others have ended this Torpor’s lease: it begins anew');
      this.#boot = this.#options.newBoot();
    }
    this.#revision = 0;
    this.#confirmed = null;
    this.#sent.clear();
    if (entry !== null && beat !== null) this.#meetNamesake(beat, entry.revision);
  }

  /** Ends the leases of those who were silent for their whole length while the store was heard. */
  async #endSilent(): Promise<void> {
    const { leaseMs, clock, store, log, name: ownName } = this.#options;
    const silent = [...this.#others];
    if (this.#namesake !== null) silent.push([ownName, this.#namesake]);
    for (const [name, { revision, seenMs }] of silent) {
      // Whoever waits for its own former lease has none yet: that the store tells, is all that it hears.
      const since = name === ownName ? (this.#isCaughtUp ? seenMs : null) : this.#hearsSinceMs;
      if (since === null || clock.nowMs() - Math.max(seenMs, since) <= leaseMs) continue;
      const { outcome } = await store.remove(PRESENCE_PREFIX + name, revision);
      if (outcome !== 'unknown') log.info({ name, outcome }, `${name} was silent for its whole lease`);
      if (outcome === 'removed' && name === ownName) this.#namesake = null;
    }
  }
}

function parseBeat(value: string): Beat | null {
  try {
    const { boot, beat, version } = JSON.parse(value);
    return typeof boot === 'string' && typeof beat === 'number' ? { boot, beat, version: String(version) } : null;
  } catch {
    return null;
  }
}
