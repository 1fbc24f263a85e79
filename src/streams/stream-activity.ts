// What one stream's bytes mean for the active pool: its seat in the registry and what its observer is told. Moves no byte.
import type { Direction } from '../core/stream-core.ts';
import type { Endpoint } from '../platform/endpoint.ts';
import { errorText } from '../platform/errors.ts';
import type { ActivityRule, Clock, Protocol, StreamName, StreamObserver } from '../platform/ports.ts';
import type { RefusalReason } from '../platform/refusal.ts';
import type { StreamPolicy } from '../platform/stream-policy.ts';
import { formatDuration } from '../platform/units.ts';
import { ConfiguredPolls } from './configured-polls.ts';
import { judgePreface, PREFACE_MAX_BYTES } from './preface.ts';
import type { Seat, SeatOwner, StreamRegistry } from './stream-registry.ts';
import type { StreamTrace } from './trace-recorder.ts';
import { WorkMeter } from './work-meter.ts';

/** What a new connection must bring to count as activity, and so to wake a sleeper. */
export type WakeOn = 'connect' | 'preface' | 'input';

/**
 * quiet: no activity. active: activity of a stream in the pool. entered: activity that puts it there. refused: this
 * client cannot be served (`refusal` says why).
 */
export type Verdict = 'quiet' | 'active' | 'entered' | 'refused';

const NO_BYTES = new Uint8Array();
const NOTHING = () => {};
const RAW_HINTS = { protocol: 'raw' } as const;

/** What all streams of one platform share here. */
export interface ActivityHome {
  readonly registry: StreamRegistry;
  readonly observer: StreamObserver;
  readonly clock: Clock;
  readonly idleTimeoutMs: number;
  readonly disconnectGraceMs: number;
}

/** What its listener says of a stream. */
export interface ActivityRoute {
  readonly wakeOn: WakeOn;
  readonly activity: ActivityRule;
  readonly policy: StreamPolicy;
  readonly protocol: Protocol;
  readonly target: Endpoint;
  /** null: as long as its home's. */
  readonly idleTimeoutMs: number | null;
}

/** The stream itself. */
export interface ActivityOwner extends StreamName {
  /** Whether the stream's VM is held at this moment. */
  readonly isHeld: boolean;
  /** What the streams of this client to this listener share; see StreamHints. */
  readonly family: number;
  /** Asked once, before a stream counts that is new to its sleeping VM: null, or why its source may not wake it. */
  mayWake(): string | null;
  /** Runs once, where a dormant client ran out of time (PREFACE_BOUND_MS); `refusal` says so. */
  onLate(): void;
  /** Whether its client has sent a disk's requests that are not answered: it stays in the pool meanwhile. */
  isUnanswered(): boolean;
  /** Runs once, when the stream is closed and out of the pool. */
  onOver(): void;
}

/** A client of a sleeper that must bring a preface has this long for it; then it is refused. */
export const PREFACE_BOUND_MS = 10_000;
/**
 * Protocols whose clients may wait for the server to speak: with `wakeOn: preface` their connection alone counts, unless they
 * were greeted in the server's place. RFC 6143 section 7.1.1; telnet clients begin to negotiate at once on port 23 only.
 */
const SERVER_FIRST: ReadonlySet<Protocol> = new Set(['rfb', 'telnet']);

/**
 * A stream is active when it opens, unless its listener asks for more (`wakeOn`): then it is *dormant*, outside the pool, until
 * its first bytes count. Towards a VM that runs its bytes pass meanwhile; towards a sleeper they wait, and it wakes nobody.
 */
export class StreamActivity implements SeatOwner {
  #home: ActivityHome;
  readonly #route: ActivityRoute;
  readonly #owner: ActivityOwner;
  /** Where its reads are recorded; null: nowhere. */
  readonly #trace: StreamTrace | null;
  #seat: Seat | null = null;
  #isDormant = true;
  #isClosed = false;
  /** The first bytes of a dormant stream. Those that came before it had a seat are shown to the core with the seat. */
  #firstBytes: Uint8Array = NO_BYTES;
  #enterWhy = 'connected';
  readonly #polls: ConfiguredPolls | null;
  #hasPolled = false;
  /** While it was dormant: something else than polls. */
  #hasSaidMore = false;
  /** Where the policy asks for them; they add to what the core itself calls work. */
  readonly #fromClient: WorkMeter | null;
  readonly #fromServer: WorkMeter | null;
  readonly #openedAtMs: number;
  /** The stream opened towards a sleeper and has not seen it run since. One that has is no new connection any more. */
  #isNewToSleeper: boolean;
  /** The observer has it in the pool. Behind the core where several are over at once, until each was told of. */
  #isPooled = false;
  /** It is in the pool only because it was unanswered when its time was over. */
  #isKept = false;
  #cancelBound: () => void = NOTHING;
  lastActiveAtMs: number;
  /** Why the last verdict was `refused`, for people and for those who count. */
  refusal = '';
  refusedFor: RefusalReason = 'no-room';

  constructor(home: ActivityHome, route: ActivityRoute, owner: ActivityOwner, trace: StreamTrace | null) {
    this.#home = home;
    this.#route = route;
    this.#owner = owner;
    this.#trace = trace;
    this.#openedAtMs = home.clock.nowMs();
    this.lastActiveAtMs = this.#openedAtMs;
    this.#isNewToSleeper = owner.isHeld;
    this.#polls = route.activity === 'learned' ? ConfiguredPolls.of(route.policy) : null;
    const { viewing, work } = route.policy;
    this.#fromClient = work.fromClientBytes === null ? null : new WorkMeter(work.fromClientBytes, work.windowMs);
    this.#fromServer = viewing === 'active' ? new WorkMeter(work.fromServerBytes, work.windowMs) : null;
  }

  /** True while nothing has made the stream count. */
  get isDormant(): boolean {
    return this.#isDormant;
  }

  /** Its client has sent nothing but configured polls. */
  get isPollsOnly(): boolean {
    return this.#isDormant && this.#hasPolled && !this.#hasSaidMore;
  }

  get isActive(): boolean {
    return !this.#isDormant && this.#seat !== null && this.#home.registry.isActive(this.#seat);
  }

  /** What the last activity was; empty where there was none. */
  get lastActiveWhy(): string {
    return this.#isDormant ? '' : this.#enterWhy;
  }

  /** When the stream leaves the pool if nothing more counts, clock milliseconds; null where it is not in it. */
  get idleAtMs(): number | null {
    if (this.#seat === null || !this.isActive) return null;
    return this.#home.clock.nowMs() + Math.max(0, this.#home.registry.leftMs(this.#seat));
  }

  /** Its listener, or its platform, has other rules now. What its bytes count as (`activity`, `work`, `polls`) stays as it began. */
  followRules(): void {
    if (this.#seat !== null && !this.#isClosed)
      this.#home.registry.change(this.#seat, this.#idleTimeoutMs, this.#route.policy);
  }

  /** Its VM runs on another platform from now on: that one's pool counts it, before this one's does not any more. */
  moveTo(home: ActivityHome, why: string): void {
    const former = this.#home;
    this.#home = home;
    this.followRules();
    const isCounted = this.#seat !== null && (this.#isClosed || this.isActive);
    if (!isCounted || this.#isDormant) return;
    home.observer.streamActive(this.#owner, why);
    former.observer.streamIdle(this.#owner, why);
  }

  /** What the stream speaks, and why its client's last bytes counted or did not. */
  describe(): { speaks: string; verdict: string } {
    const { protocol, wakeOn } = this.#route;
    const told = this.#seat === null ? null : this.#home.registry.describe(this.#seat);
    if (!this.#isDormant && told !== null) return { speaks: told.protocol, verdict: told.why };
    const missing = wakeOn === 'preface' ? `no valid start of ${protocol} yet` : 'nothing of it counted yet';
    return { speaks: told?.protocol ?? protocol, verdict: `dormant: ${missing}` };
  }

  /**
   * Takes the seat that the stream needs from its start. `isGreeted`: its client heard the server's banner, and answers it. Throws
   * ERR_CORE_STREAMS_EXHAUSTED; then nothing has happened. `refusal` is set where its source may not wake its VM.
   */
  takeSeat(isGreeted: boolean): void {
    const { wakeOn, protocol } = this.#route;
    const { isHeld } = this.#owner;
    const waitsForServer = wakeOn === 'preface' && SERVER_FIRST.has(protocol) && !isGreeted;
    if (wakeOn !== 'connect' && !(waitsForServer && isHeld)) {
      if (!isHeld) this.#openSeat();
      else this.boundWait();
      return;
    }
    this.refusal = (isHeld ? this.#owner.mayWake() : null) ?? '';
    if (this.refusal !== '') {
      this.refusedFor = 'wake-rate';
      return;
    }
    this.#openSeat();
    this.#isDormant = false;
  }

  /** Tells the observer that the stream is open, and active unless it is dormant. */
  announce(): void {
    this.#home.observer.streamOpened(this.#owner);
    if (!this.#isDormant) this.report('entered');
  }

  /** Judges a chunk before it is passed on. `report` is to be called with the verdict afterwards. */
  judge(direction: Direction, chunk: Uint8Array): Verdict {
    if (this.#isClosed) return 'quiet';
    this.#trace?.note(direction, chunk);
    if (direction === 'client' && this.#polls?.includes(chunk) === true) {
      this.#hasPolled = true;
      return 'quiet';
    }
    if (this.#isDormant) return this.#judgeDormant(direction, chunk);
    if (this.#seat === null) return 'quiet';
    const way = direction === 'client' && this.#owner.isHeld ? 'held' : direction;
    const { isActive, hasEntered } = this.#home.registry.observe(this.#seat, way, chunk);
    const isWork = this.#meter(direction, chunk.length);
    if (!isActive && !isWork) return 'quiet';
    const wasIdle = isActive ? hasEntered : this.#home.registry.wake(this.#seat);
    this.lastActiveAtMs = this.#home.clock.nowMs();
    this.#enterWhy = isActive ? this.#why(this.#seat, direction) : `work: a transfer from the ${direction}`;
    return wasIdle ? 'entered' : 'active';
  }

  /** Why a chunk counted. The server's do as work, or as the echo of what was typed. */
  #why(seat: Seat, direction: Direction): string {
    return direction === 'client' ? 'client bytes' : this.#home.registry.describe(seat).why;
  }

  #meter(direction: Direction, bytes: number): boolean {
    const meter = direction === 'client' ? this.#fromClient : this.#fromServer;
    return meter?.add(bytes, this.#home.clock.nowMs()) === true;
  }

  /** Tells the observer what a verdict means. The observer may hold or release streams before this returns. */
  report(verdict: Verdict): void {
    if (verdict !== 'active' && verdict !== 'entered') return;
    const { observer } = this.#home;
    if (verdict === 'entered') {
      this.#isPooled = true;
      observer.streamActive(this.#owner, this.#enterWhy);
    }
    if (this.#owner.isHeld) observer.activityWhileHeld(this.#owner, this.#enterWhy);
  }

  /** Counts as activity without a byte that would: a hold that reached its bound, bytes that wait. */
  insist(why: string): void {
    if (this.#isClosed) return;
    if (this.#isDormant) {
      this.report(this.#enterPool(why));
      return;
    }
    const hasEntered = this.#seat !== null && this.#home.registry.wake(this.#seat);
    this.lastActiveAtMs = this.#home.clock.nowMs();
    this.#enterWhy = why;
    this.report(hasEntered ? 'entered' : 'active');
  }

  /** The last of the requests was answered for which the stream was kept in the pool: from now on its idle timeout counts. */
  settle(): void {
    if (!this.#isKept || this.#isClosed || this.#seat === null || !this.isActive) return;
    this.#keep(this.#seat, 'a disk request was answered');
    this.#isKept = false;
  }

  /** The stream's VM runs, and may speak: a stream that is dormant stays so, but the core follows it. `refused`: it has no room. */
  release(): Verdict {
    this.#cancelBound();
    this.#isNewToSleeper = false;
    if (this.#seat !== null || this.#isClosed) return 'quiet';
    try {
      this.#openSeat();
      return 'quiet';
    } catch (error) {
      this.refusal = errorText(error);
      this.refusedFor = 'no-room';
      return 'refused';
    }
  }

  /**
   * The stream is gone, ended by one side or by Torpor (null): it leaves the pool after its grace, at once where it was idle, and
   * gives its seat back.
   */
  close(by: Direction | null = null): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelBound();
    void this.#trace?.end(by);
    if (this.#seat !== null && this.isActive) {
      this.#home.registry.close(this.#seat, this.#home.disconnectGraceMs);
      return;
    }
    if (this.#isPooled) this.#leavePool(this.#overWhy);
    this.#leave();
  }

  /** Gives the seat back at once and tells nobody. */
  discard(): void {
    this.#isClosed = true;
    this.#cancelBound();
    void this.#trace?.end(null);
    this.#leave();
  }

  /** A preface is judged by its own rules; with `input` the core decides. Towards a VM that runs, nothing is refused. */
  #judgeDormant(direction: Direction, chunk: Uint8Array): Verdict {
    const { registry } = this.#home;
    if (direction === 'server') {
      if (this.#seat !== null) registry.observe(this.#seat, 'server', chunk);
      return 'quiet';
    }
    this.#hasSaidMore = true;
    try {
      if (this.#route.wakeOn === 'input') return this.#judgeInput(chunk);
      return this.#judgeFirstBytes(chunk);
    } catch (error) {
      this.refusal = errorText(error);
      this.refusedFor = 'no-room';
      return 'refused';
    }
  }

  #judgeInput(chunk: Uint8Array): Verdict {
    const seat = this.#seat ?? this.#openSeat();
    return this.#home.registry.observe(seat, 'client', chunk).isActive ? this.#enterPool('client bytes') : 'quiet';
  }

  #judgeFirstBytes(chunk: Uint8Array): Verdict {
    const { registry, clock } = this.#home;
    const { protocol } = this.#route;
    if (this.#seat !== null) registry.observe(this.#seat, 'client', chunk);
    const room = this.#seat === null ? chunk.length : Math.max(0, PREFACE_MAX_BYTES - this.#firstBytes.length);
    this.#firstBytes = joinBytes(this.#firstBytes, chunk.subarray(0, room));
    const verdict = judgePreface(protocol, this.#firstBytes);
    if (verdict === 'incomplete') return 'quiet';
    if (verdict === 'valid') return this.#enterPool(`valid start of ${protocol}`);
    if (this.#owner.isHeld && this.#isNewToSleeper) {
      this.refusedFor = 'first-bytes';
      this.refusal = `its first bytes are no start of ${protocol}, and its VM sleeps (wakeOn: preface)`;
      return 'refused';
    }
    // A check or a scanner is gone by now. Whoever still talks with the VM is somebody, whatever it speaks.
    const isSomebody = clock.nowMs() - this.#openedAtMs >= PREFACE_BOUND_MS;
    return isSomebody ? this.#enterPool('client bytes') : 'quiet';
  }

  /** From now on the stream counts. `refused`: its source may not wake its VM, or there is no seat left. */
  #enterPool(why: string): Verdict {
    const { registry, clock } = this.#home;
    try {
      const refusal = this.#owner.isHeld && this.#isNewToSleeper ? this.#owner.mayWake() : null;
      if (refusal !== null) {
        this.refusal = refusal;
        this.refusedFor = 'wake-rate';
        return 'refused';
      }
      registry.wake(this.#seat ?? this.#openSeat());
    } catch (error) {
      this.refusal = errorText(error);
      this.refusedFor = 'no-room';
      return 'refused';
    }
    this.#cancelBound();
    this.#isDormant = false;
    this.#firstBytes = NO_BYTES;
    this.#enterWhy = why;
    this.lastActiveAtMs = clock.nowMs();
    return 'entered';
  }

  /** Takes a seat, and shows the core what the client has sent so far. Throws ERR_CORE_STREAMS_EXHAUSTED. */
  #openSeat(): Seat {
    const { activity, protocol, target, policy } = this.#route;
    const { registry } = this.#home;
    // To the core a raw stream is one of which every client byte counts.
    const hints =
      activity === 'learned' ? { protocol, port: target.port, family: this.#owner.family, policy } : RAW_HINTS;
    const seat = registry.open(this.#idleTimeoutMs, this, hints);
    if (this.#firstBytes.length > 0) registry.observe(seat, 'client', this.#firstBytes);
    this.#seat = seat;
    return seat;
  }

  /** A client that waits for a sleeper, and must bring a preface, gets PREFACE_BOUND_MS from now. Any other as long as it likes. */
  boundWait(): void {
    const { protocol, wakeOn } = this.#route;
    this.#cancelBound();
    if (wakeOn !== 'preface' || !this.#isDormant || this.#isClosed) return;
    this.#cancelBound = this.#home.clock.schedule(PREFACE_BOUND_MS, () => {
      if (!this.#isDormant || this.#isClosed || !this.#owner.isHeld) return;
      const bound = formatDuration(PREFACE_BOUND_MS);
      this.refusedFor = 'first-bytes';
      const what = this.#hasPolled ? 'nothing but polls, which never count,' : `no valid start of ${protocol}`;
      this.refusal = `it sent ${what} within ${bound}, and its VM sleeps (wakeOn: preface)`;
      this.#owner.onLate();
    });
  }

  get #idleTimeoutMs(): number {
    return this.#route.idleTimeoutMs ?? this.#home.idleTimeoutMs;
  }

  /** SeatOwner. A dormant stream is in no pool that it could leave. */
  onExpired(): void {
    if (this.#isDormant && !this.#isClosed) return;
    if (!this.#isClosed && this.#seat !== null && this.#owner.isUnanswered()) {
      this.#keep(this.#seat, 'a disk request is unanswered');
      return;
    }
    this.#isKept = false;
    this.#leavePool(this.#isClosed ? 'disconnected' : this.#overWhy);
    if (this.#isClosed) this.#leave();
  }

  get #overWhy(): string {
    return `no activity for ${formatDuration(this.#idleTimeoutMs)}`;
  }

  #leavePool(why: string): void {
    this.#isPooled = false;
    this.#home.observer.streamIdle(this.#owner, why);
  }

  /** In the pool for another idle timeout; nobody was told that it was over. */
  #keep(seat: Seat, why: string): void {
    this.#home.registry.wake(seat);
    this.#isKept = true;
    this.#enterWhy = why;
    this.lastActiveAtMs = this.#home.clock.nowMs();
  }

  #leave(): void {
    if (this.#seat !== null) this.#home.registry.release(this.#seat);
    this.#seat = null;
    this.#owner.onOver();
  }
}

function joinBytes(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}
