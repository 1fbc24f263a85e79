// One client connection from its first byte to its last: client to target and back, held while its VM must not be sent to.
import { type Endpoint, formatEndpoint } from '../platform/endpoint.ts';
import { errorText, type TorporError } from '../platform/errors.ts';
import type {
  ActivityRule,
  Clock,
  Device,
  KeepaliveRule,
  Logger,
  Protocol,
  StreamName,
  StreamObserver,
  StreamStatus,
} from '../platform/ports.ts';
import type { StreamPolicy } from '../platform/stream-policy.ts';
import { formatBytes, formatDuration } from '../platform/units.ts';
import type { Arrival } from './arrival.ts';
import { clientText, endsToSend, sourceAt, whoIs } from './client-name.ts';
import type { CommonBound } from './common-bound.ts';
import { DiskRequests } from './disk/disk-requests.ts';
import type { Farewells } from './farewells.ts';
import { Hold } from './hold.ts';
import type { HoldBudget } from './hold-budget.ts';
import { HOLD_BLOCK_BYTES, type HoldCodec } from './hold-codec.ts';
import { KeepalivePatience } from './keepalive-patience.ts';
import { type ConnectionEnds, encodeProxyHeader, type ProxyVersion } from './proxy-header.ts';
import type { ReadBuffers } from './read-buffers.ts';
import type { Refusals } from './refusals.ts';
import { resetSocket } from './reset-socket.ts';
import type { Occupant } from './room.ts';
import type { SendQueues } from './send-queues.ts';
import type { SentWaits } from './sent-waits.ts';
import { type BannerMemory, ServerBanner } from './server-banner.ts';
import { type PortOwner, SocketPort } from './socket-port.ts';
import type { SourceGuard } from './source-guard.ts';
import type { SourceHolds } from './source-holds.ts';
import { type ActivityOwner, StreamActivity, type Verdict, type WakeOn } from './stream-activity.ts';
import type { StreamRegistry } from './stream-registry.ts';
import type { StreamSocket } from './stream-socket.ts';
import { type ConnectOwner, type ConnectPace, TargetConnector } from './target-connector.ts';
import type { StreamTrace, TraceRecorder } from './trace-recorder.ts';
import { WaitingPage, type WaitingPageRule } from './waiting-page.ts';
import type { WakeNotice } from './waiting-page-html.ts';
import { WebSocketPings } from './web-socket-pings.ts';

const NO_BYTES = new Uint8Array();
/** A client that was let go has this long to close its side, too. */
const LET_GO_MS = 5_000;

/** As these a WebSocket may pass through a listener. */
const MAY_UPGRADE: ReadonlySet<Protocol> = new Set(['auto', 'http', 'websocket']);

/** What the listener that accepted a stream says about it. */
export interface StreamRoute {
  readonly vm: string;
  readonly listener: string;
  /** Of all its clients, where they come without an address (a Unix socket); null: each one's address tells. */
  readonly source: string | null;
  readonly target: Endpoint;
  readonly protocol: Protocol;
  readonly device: Device;
  readonly wakeOn: WakeOn;
  readonly activity: ActivityRule;
  /** null: as long as its home's. */
  readonly idleTimeoutMs: number | null;
  readonly policy: StreamPolicy;
  /** Its streams are recorded, where its home records any. */
  readonly record: boolean;
  /** Who may use the listener, and how often a source may wake. */
  readonly guard: SourceGuard;
  /** What the listener's server begins with; null: no banner is served in its place. */
  readonly banner: BannerMemory | null;
  /** Which requests to a sleeper are answered in its place. */
  readonly waitingPage: WaitingPageRule;
  /** What becomes of keepalives that were held for `keepaliveWaitMs`. */
  readonly onKeepalive: KeepaliveRule;
  readonly keepaliveWaitMs: number;
  /** The PROXY header that the target is sent first; null: none. */
  readonly sendProxy: ProxyVersion | null;
}

/** What all streams of one platform share. */
export interface StreamHome {
  readonly platform: string;
  readonly registry: StreamRegistry;
  readonly clock: Clock;
  readonly observer: StreamObserver;
  readonly log: Logger;
  readonly codec: HoldCodec;
  readonly budget: HoldBudget;
  readonly sourceHolds: SourceHolds;
  readonly buffers: ReadBuffers;
  readonly perStreamBytes: number;
  readonly idleTimeoutMs: number;
  readonly disconnectGraceMs: number;
  readonly sendQueues: SendQueues;
  readonly sentWaits: SentWaits;
  readonly farewells: Farewells;
  readonly connectBound: CommonBound<TargetConnector>;
  readonly refusals: Refusals;
  /** null: nothing is recorded. */
  readonly recorder: TraceRecorder | null;
  /** What all streams together carried, those that are gone included. */
  readonly carried: { fromClients: number; toClients: number };
  isHeld(vm: string): boolean;
  connectPace(vm: string): ConnectPace;
  /** null, or why this source may not wake the VM of the route now. Called once per stream that would. */
  mayWake(route: StreamRoute, address: string): string | null;
  /** What a client that waits for the VM may be told. */
  wakeNotice(vm: string): WakeNotice;
  /** The stream's client socket is gone. */
  clientGone(stream: Stream): void;
  /** The stream is closed and out of the pool. */
  forget(stream: Stream): void;
}

/**
 * The modes, and what a client's bytes do in each:
 * connecting (they wait in the hold), flowing (they go to the target at once), holding (the VM is held: they wait),
 * delivering (held bytes go first, new ones queue behind them), closed. What comes from the target goes to the client in
 * every mode. FIN and RST pass from either side to the other, after the bytes before them.
 */
export class Stream implements StreamName, PortOwner, ActivityOwner, ConnectOwner, Occupant {
  readonly id: string;
  readonly route: StreamRoute;
  #home: StreamHome;
  /** Both null once it is closed and the client is gone: closed streams are many, and stay a while (see #shed). */
  #client: StreamSocket | null;
  #clientPort: SocketPort | null;
  readonly client: string;
  /** Occupant: whose clients share its bounds. */
  readonly source: string;
  readonly #address: string;
  /** What the target is told of the client; null: nothing, or that nobody is known. */
  readonly #ends: ConnectionEnds | null;
  readonly #openedAtMs: number;
  /** null: nothing was held since it flowed last. */
  #hold: Hold | null = null;
  readonly #activity: StreamActivity;
  /** null: its listener serves none. */
  readonly #banner: ServerBanner | null;
  /** null: its requests are held, as everything else is. */
  #page: WaitingPage | null;
  /** null: no WebSocket passes through it. */
  #pings: WebSocketPings | null;
  /** null: they wait as long as their client does. */
  readonly #patience: KeepalivePatience | null;
  /** Fed with what is passed on, in both directions; null: its client is no disk's. */
  readonly #disk: DiskRequests | null;
  #mode: StreamStatus['mode'];
  #connector: TargetConnector | null = null;
  #target: StreamSocket | null = null;
  #targetPort: SocketPort | null = null;
  #clientHasEnded = false;
  #clientIsGone = false;
  #targetHasEnded = false;
  #firstToEnd: 'client' | 'target' | 'listener' | null = null;
  /** Held since the last delivery: the next one is reported. */
  #wasHeld = false;
  #predatesHold = false;
  #heldSinceMs: number;
  /** The listener has ended the connection towards the client, which may not have ended its side yet. */
  #isLetGo = false;
  #bytesFromClient = 0;
  #bytesToClient = 0;

  /** `arrival`: what was read of the client before. */
  constructor(id: string, home: StreamHome, route: StreamRoute, client: StreamSocket, arrival: Arrival | null = null) {
    this.id = id;
    this.route = route;
    this.#home = home;
    this.#client = client;
    this.#clientPort = arrival?.port?.handTo(this) ?? new SocketPort(client, home.buffers, this);
    const from = whoIs(client, route, arrival);
    this.#address = from.host;
    this.source = sourceAt(from.host, route);
    this.client = clientText(from);
    this.#ends = endsToSend(client, route, arrival);
    this.#openedAtMs = home.clock.nowMs();
    this.#wasHeld = home.isHeld(route.vm);
    this.#mode = this.#wasHeld ? 'holding' : 'connecting';
    this.#banner = route.banner === null ? null : new ServerBanner(route.banner);
    this.#page = this.#wasHeld && route.waitingPage !== 'off' ? new WaitingPage(route.waitingPage) : null;
    this.#pings = MAY_UPGRADE.has(route.protocol) ? new WebSocketPings() : null;
    this.#heldSinceMs = this.#openedAtMs;
    this.#patience = this.#makePatience();
    this.#disk = route.device === 'disk' ? this.#makeDisk() : null;
    client.carriedBy?.(id);
    // A check's rules are its listener's, also as these change, but for the one.
    const rules = arrival?.isCheck === true ? Object.create(route, { wakeOn: { value: 'input' } }) : route;
    this.#activity = new StreamActivity(home, rules, this, route.record ? beginTrace(home, route, id, client) : null);
  }

  /** Its route or its home has changed. */
  followRules(): void {
    this.#activity.followRules();
  }

  /** Its VM was moved: it is the other platform's from now on, held or flowing as the VM is there. Its connections do not notice. */
  moveTo(home: StreamHome, why: string): void {
    const former = this.#home;
    this.#home = home;
    if (this.#target !== null) former.sendQueues.pass(this.#target, home.sendQueues);
    this.#activity.moveTo(home, why);
    if (this.isHeld) this.hold();
    else this.release();
  }

  // ------------------------------------------------------------------------------------------ who it is

  get platform(): string {
    return this.#home.platform;
  }

  get vm(): string {
    return this.route.vm;
  }

  get listener(): string {
    return this.route.listener;
  }

  get protocol(): Protocol {
    return this.route.protocol;
  }

  /** True where bytes or a connection that counts wait for the VM. */
  get isWaiting(): boolean {
    if (this.#mode === 'closed' || this.#activity.isDormant) return false;
    return this.#heldBytes > 0 || this.#target === null;
  }

  /** Occupant: nothing of it has counted yet. */
  get isDormant(): boolean {
    return this.#mode !== 'closed' && this.#activity.isDormant;
  }

  get isClosed(): boolean {
    return this.#mode === 'closed';
  }

  status(): StreamStatus {
    return {
      id: this.id,
      platform: this.#home.platform,
      vm: this.route.vm,
      listener: this.route.listener,
      client: this.client,
      target: formatEndpoint(this.route.target),
      protocol: this.route.protocol,
      device: this.route.device,
      ...this.#activity.describe(),
      mode: this.#mode,
      active: this.#activity.isActive,
      openedAtMs: this.#openedAtMs,
      lastActiveAtMs: this.#activity.lastActiveAtMs,
      lastActiveWhy: this.#activity.lastActiveWhy,
      idleAtMs: this.#activity.idleAtMs,
      bytesFromClient: this.#bytesFromClient,
      bytesToClient: this.#bytesToClient,
      heldBytes: this.#heldBytes,
      heldStoredBytes: this.#hold?.storedBytes ?? 0,
    };
  }

  // ------------------------------------------------------------------------------------------ what the owner asks for

  /** Begins, with what its client has sent already. Throws ERR_CORE_STREAMS_EXHAUSTED before anything was told to anybody; the client is then the caller's to end. */
  open(firstBytes: Uint8Array | null = null): void {
    const banner = this.#wasHeld ? (this.#banner?.serve() ?? null) : null;
    try {
      this.#activity.takeSeat(banner !== null);
    } catch (error) {
      this.#mode = 'closed';
      throw error;
    }
    this.#activity.announce();
    if (this.#activity.refusal !== '') {
      this.#refuse();
      return;
    }
    if (banner !== null) this.#sendToClient(banner, false);
    if (this.#mode === 'connecting' && this.#connector === null) this.#connect();
    this.updateReading();
    if (firstBytes !== null && firstBytes.length > 0) this.#onClientChunk(Buffer.from(firstBytes));
  }

  /** From now on nothing is sent to the target. */
  hold(): void {
    if (this.#mode === 'closed' || this.#mode === 'holding') return;
    this.#connector?.abort();
    this.#connector = null;
    this.#mode = 'holding';
    this.#wasHeld = true;
    this.#heldSinceMs = this.#home.clock.nowMs();
    this.#predatesHold = this.#target !== null;
    if (this.#isForgettable()) {
      this.#forgetClient();
      return;
    }
    this.updateReading();
    if (this.#target === null) this.#activity.boundWait();
    // Bytes that were not delivered yet must not wait for somebody else to wake the VM, and behind a full hold no key is seen.
    if (this.#heldBytes > 0 && !this.#activity.isDormant) this.#activity.insist('held bytes wait');
  }

  /** Delivers what is held, after connecting where there is no connection yet, and flows. */
  release(): void {
    if (this.#mode !== 'holding') return;
    // Whoever waited for the wake is there: a wake that took longer than the idle timeout must not end in the next sleep. Held
    // chatter alone is nobody.
    const hasCounted = this.#target === null || this.#activity.lastActiveAtMs >= this.#heldSinceMs;
    const waited = this.isWaiting && hasCounted;
    this.#patience?.end();
    const verdict = this.#activity.release() === 'refused' ? 'refused' : this.#judgeBegunPing();
    if (verdict === 'refused') {
      this.#refuse();
      return;
    }
    if (this.#target === null) this.#connect();
    else this.#deliver();
    if (!this.isClosed) this.#activity.report(verdict);
    if (waited && !this.#activity.isActive) this.#activity.insist('waited for the wake');
  }

  /** Ends the stream by RST on both sides, with whatever it holds. */
  abandon(why: string): void {
    if (this.#mode === 'closed') return;
    this.#dropClient();
    this.#dropTarget();
    this.#close(why);
  }

  /** Occupant. */
  makeRoom(): void {
    const why = 'its listener is full, its source has most of it, and nothing of it has counted';
    this.#home.refusals.note('max-streams', this.route.listener, this.client, why);
    this.abandon(`made room for others: ${why}`);
  }

  /** True where the connection to the VM stood when it was last held: dead, if the VM has lost its memory since. */
  get predatesHold(): boolean {
    return this.#mode !== 'closed' && this.#predatesHold;
  }

  /** Ends at once, without a word to the observer: Torpor itself goes. */
  shutDown(): void {
    this.#mode = 'closed';
    this.#patience?.end();
    this.#connector?.abort();
    this.#hold?.clear();
    if (this.#client !== null) resetSocket(this.#client);
    if (this.#target !== null) resetSocket(this.#target);
    this.#activity.discard();
  }

  /** Reads from the client, or stops, as the room for its bytes asks. */
  updateReading(): void {
    if (this.#mode === 'closed' || this.#clientIsGone) return;
    const hasRoom =
      this.#mode === 'flowing'
        ? this.#targetPort?.isDrained !== false
        : this.#hold?.isFull !== true && !this.#home.budget.isFull && !this.#home.sourceHolds.isFull(this.source);
    if (hasRoom) this.#clientPort?.resume();
    else this.#clientPort?.pause();
  }

  // ------------------------------------------------------------------------------------------ what its parts tell it

  /** PortOwner. */
  onChunk(chunk: Buffer, port: SocketPort): void {
    if (port === this.#clientPort) this.#onClientChunk(chunk);
    else this.#onTargetChunk(chunk);
  }

  /** PortOwner. */
  onDrained(port: SocketPort): void {
    if (port === this.#clientPort) this.#targetPort?.resume();
    else this.#onTargetDrained();
  }

  /** PortOwner. */
  onEnd(port: SocketPort): void {
    if (port === this.#clientPort) this.#onClientEnd();
    else this.#onTargetEnd();
  }

  /** PortOwner. */
  onClose(port: SocketPort): void {
    if (port === this.#clientPort) this.#onClientClose();
    else this.#onTargetClose();
    this.#shed();
  }

  /** ActivityOwner. */
  get isHeld(): boolean {
    return this.#home.isHeld(this.route.vm);
  }

  /** ActivityOwner: a number for one client of one listener, what its connections share. */
  get family(): number {
    return familyOf(this.#address, this.route.listener);
  }

  /** ActivityOwner. */
  mayWake(): string | null {
    return this.#home.mayWake(this.route, this.#address);
  }

  /** ActivityOwner. */
  onLate(): void {
    this.#refuse();
  }

  /** ActivityOwner. */
  isUnanswered(): boolean {
    return this.unansweredRequests > 0;
  }

  /** What its client has asked of a disk and was not answered. What is held was not sent, and does not count. */
  get unansweredRequests(): number {
    return this.#mode === 'closed' ? 0 : (this.#disk?.inFlight() ?? 0);
  }

  /** ActivityOwner. */
  onOver(): void {
    this.#home.forget(this);
  }

  // ------------------------------------------------------------------------------------------ client

  #onClientChunk(chunk: Buffer): void {
    if (this.#mode === 'closed') return;
    this.#bytesFromClient += chunk.length;
    this.#home.carried.fromClients += chunk.length;
    const rest = this.#answerPings(chunk);
    if (rest.length === 0) return;
    // A client that is let go says goodbye: nobody is there.
    const verdict = this.#isLetGo ? 'quiet' : this.#activity.judge('client', rest);
    if (verdict === 'refused') {
      this.#refuse();
      return;
    }
    this.#page?.add(rest);
    const boundReached = this.#mode === 'flowing' ? this.#send(rest) : this.#keep(rest);
    this.#activity.report(verdict);
    if (this.#page !== null && this.#answersInPlace()) return;
    if (verdict === 'quiet' && this.#mode === 'holding' && !this.#activity.isDormant) this.#patience?.begin();
    if (boundReached !== null && this.isHeld) this.#activity.insist(boundReached);
  }

  /** What of the chunk is left for the VM: all but the pings that are answered while it must not be sent to. They never count. */
  #answerPings(chunk: Buffer): Buffer {
    const pings = this.#pings;
    if (pings === null) return chunk;
    let rest = chunk;
    if (this.#mode === 'holding') {
      // To a client that does not take its pongs no more are written: then pings are held, and the hold's bound is theirs.
      const takesPongs = this.#clientPort?.isDrained === true && !this.#targetHasEnded && !this.#isLetGo;
      const { held, pongs } = pings.hold(chunk, takesPongs);
      if (pongs.length > 0) this.#sendToClient(pongs, false);
      rest = held;
    } else pings.followClient(chunk);
    if (pings.isOver) this.#pings = null;
    return rest;
  }

  /** A ping that is not whole when the hold ends belongs to the VM. */
  #judgeBegunPing(): Verdict {
    const begun = this.#holdBegunPing();
    return begun === null || this.#isLetGo ? 'quiet' : this.#activity.judge('client', begun);
  }

  #holdBegunPing(): Buffer | null {
    const begun = this.#pings?.takeBegun() ?? null;
    if (begun !== null) this.#makeHold().push(begun);
    return begun;
  }

  /**
   * Answers the request that is held, if it is one for the waiting page: then it is never forwarded, and nothing of it is kept. Only where
   * it has asked for the wake by what it is, and its VM has not heard of this connection.
   */
  #answersInPlace(): boolean {
    const isNewToSleeper = this.#mode === 'holding' && this.#target === null && !this.#clientHasEnded;
    const verdict = isNewToSleeper ? this.#page?.judge(this.#home.wakeNotice(this.route.vm)) : 'hold';
    if (verdict === 'hold') this.#page = null;
    if (verdict === undefined || typeof verdict === 'string' || this.#activity.isDormant) return false;
    this.#dropHold();
    this.#firstToEnd ??= 'listener';
    this.#bytesToClient += verdict.length;
    this.#clientPort?.resume();
    this.#endClient(verdict);
    this.#close('its request was answered with the waiting page, and not forwarded');
    return true;
  }

  #send(chunk: Buffer): null {
    if (this.#targetPort === null) return null;
    this.#disk?.read('client', chunk);
    if (this.#clientPort?.pass(this.#targetPort) === false) this.updateReading();
    return null;
  }

  /** Answers which bound the chunk reached, for people, or null. */
  #keep(chunk: Buffer): string | null {
    const { budget, platform, sourceHolds } = this.#home;
    const hold = this.#makeHold();
    const streamWasFull = hold.isFull;
    const platformWasFull = budget.isFull;
    const sourceWasFull = sourceHolds.isFull(this.source);
    // What is held must lie in memory of its own: but for whole blocks it is copied there anyhow.
    hold.push(chunk.length < HOLD_BLOCK_BYTES ? chunk : Buffer.from(chunk));
    this.updateReading();
    if (hold.isFull && !streamWasFull) return `hold reached ${formatBytes(hold.limitBytes)}`;
    if (!sourceWasFull && sourceHolds.isFull(this.source))
      return `holds of ${this.source} reached ${formatBytes(sourceHolds.limitBytes)}`;
    if (budget.isFull && !platformWasFull) return `holds of ${platform} reached ${formatBytes(budget.limitBytes)}`;
    return null;
  }

  get #heldBytes(): number {
    return this.#hold?.heldBytes ?? 0;
  }

  #makeHold(): Hold {
    const { codec, sourceHolds, perStreamBytes } = this.#home;
    this.#hold ??= new Hold(codec, sourceHolds.of(this.source), perStreamBytes);
    return this.#hold;
  }

  #dropHold(): void {
    this.#hold?.clear();
    this.#hold = null;
  }

  #onClientEnd(): void {
    if (this.#mode === 'closed') return;
    this.#clientHasEnded = true;
    this.#firstToEnd ??= 'client';
    this.#holdBegunPing();
    if (this.#mode === 'flowing') this.#target?.end();
    else this.#makeHold().hasFin = true;
    if (this.#isForgettable()) this.#forgetClient();
  }

  /** A client that came while its VM was held, sent nothing and left: the VM need never hear of it. */
  #isForgettable(): boolean {
    return this.#mode === 'holding' && this.#clientHasEnded && this.#target === null && this.#heldBytes === 0;
  }

  #forgetClient(): void {
    this.#client?.end();
    this.#close('the client left before it sent anything');
  }

  #onClientClose(): void {
    this.#clientIsGone = true;
    this.#home.clientGone(this);
    if (this.#mode === 'closed') return;
    // What the target still says is for nobody; it must not wait for a reader.
    this.#targetPort?.resume();
    const isClean = this.#clientHasEnded && this.#client?.writableFinished === true && this.#clientPort?.error === null;
    if (isClean) this.#closeIfOver();
    else this.#endByClientReset();
  }

  #endByClientReset(): void {
    this.#firstToEnd ??= 'client';
    this.#holdBegunPing();
    if (this.#hold !== null && this.#hold.heldBytes > 0 && !this.#isCheckOver()) {
      this.#hold.hasRst = true;
      return;
    }
    this.#dropTarget();
    this.#close(`the client reset the connection${reasonOf(this.#clientPort?.error)}`);
  }

  /** Its client polled a sleeper and is gone: nobody waits for the answer, and a sleep may see thousands of such. */
  #isCheckOver(): boolean {
    return this.#mode === 'holding' && this.#target === null && this.#activity.isPollsOnly;
  }

  #makePatience(): KeepalivePatience | null {
    const { onKeepalive, keepaliveWaitMs } = this.route;
    if (onKeepalive === 'hold') return null;
    const onOver = () =>
      this.#onKeepaliveOverdue(onKeepalive, `a keepalive has waited ${formatDuration(keepaliveWaitMs)}`);
    return new KeepalivePatience({ clock: this.#home.clock, waitMs: keepaliveWaitMs, onOver });
  }

  #makeDisk(): DiskRequests {
    const { clock, log, platform } = this.#home;
    const onGivenUp = (why: string) => log.warn({ platform, stream: this.id }, `${this.client}: ${why}`);
    return new DiskRequests({ clock, onGivenUp });
  }

  #onKeepaliveOverdue(rule: 'wake' | 'close', why: string): void {
    if (this.#mode !== 'holding' || this.#clientIsGone || this.#isLetGo) return;
    if (rule === 'wake') this.#home.observer.keepaliveOverdue(this, why);
    else this.#letGo(why);
  }

  /** Ends towards the client at once. What it sent, and that it is gone, reaches the VM when that runs. */
  #letGo(why: string): void {
    const { log, platform } = this.#home;
    log.info({ platform, stream: this.id }, `closes the connection of ${this.client}: ${why}`);
    this.#isLetGo = true;
    this.#firstToEnd ??= 'listener';
    this.#endClient(NO_BYTES);
  }

  /** Ends towards the client, which has LET_GO_MS to end its side. */
  #endClient(lastBytes: Uint8Array): void {
    const client = this.#client;
    if (client === null) return;
    if (lastBytes.length === 0) client.end();
    else client.end(lastBytes);
    client.once(
      'close',
      this.#home.clock.schedule(LET_GO_MS, () => resetSocket(client)),
    );
  }

  // ------------------------------------------------------------------------------------------ target

  #connect(): void {
    this.#mode = 'connecting';
    const { clock, connectBound } = this.#home;
    const pace = this.#home.connectPace(this.route.vm);
    const { raw } = this.#home.buffers;
    this.#connector = new TargetConnector({
      target: this.route.target,
      pace,
      clock,
      bound: connectBound,
      owner: this,
      raw,
    });
    this.updateReading();
  }

  /** ConnectOwner. */
  onConnected(target: StreamSocket): void {
    this.#connector = null;
    this.#target = target;
    this.#home.sendQueues.track(target);
    this.#targetPort = new SocketPort(target, this.#home.buffers, this);
    const { sendProxy } = this.route;
    if (sendProxy !== null) this.#targetPort.write(encodeProxyHeader(sendProxy, this.#ends));
    this.#deliver();
  }

  /** ConnectOwner. */
  onConnectFailed(error: TorporError): void {
    this.#connector = null;
    const { platform, log } = this.#home;
    const lostBytes = this.#heldBytes;
    log.warn({ platform, stream: this.id, code: error.code, lostBytes }, error.message);
    this.abandon(error.message);
  }

  #onTargetChunk(chunk: Buffer): void {
    if (this.#mode === 'closed' || this.#clientIsGone) return;
    const verdict = this.#activity.judge('server', chunk);
    const rest = this.#banner === null ? chunk : this.#banner.pass(chunk);
    if (rest === null) {
      this.#endByWrongBanner();
      return;
    }
    if (this.#disk?.read('server', chunk) === true) this.#activity.settle();
    if (rest.length > 0) {
      this.#followServer(rest);
      this.#sendToClient(rest, rest === chunk);
    }
    this.#activity.report(verdict);
  }

  #followServer(bytes: Buffer): void {
    this.#pings?.followServer(bytes);
    if (this.#pings?.isOver === true) this.#pings = null;
  }

  #sendToClient(bytes: Buffer, isWholeChunk: boolean): void {
    const port = this.#clientPort;
    if (port === null) return;
    this.#bytesToClient += bytes.length;
    this.#home.carried.toClients += bytes.length;
    // What is cut from a chunk must lie in memory of its own.
    const isDone = isWholeChunk ? this.#targetPort?.pass(port) : port.write(Buffer.from(bytes));
    if (isDone === false) this.#targetPort?.pause();
  }

  #endByWrongBanner(): void {
    const { platform, log } = this.#home;
    const target = formatEndpoint(this.route.target);
    const why = `${target} begins otherwise than the banner that was served for it: its client must connect again`;
    log.warn({ platform, stream: this.id }, why);
    this.abandon(why);
  }

  #onTargetEnd(): void {
    this.#targetHasEnded = true;
    this.#firstToEnd ??= 'target';
    if (this.#mode !== 'closed' && !this.#clientIsGone) this.#client?.end();
  }

  #onTargetDrained(): void {
    if (this.#mode === 'delivering') this.#deliver();
    else this.updateReading();
  }

  #onTargetClose(): void {
    if (this.#mode === 'closed') return;
    const isClean = this.#targetHasEnded && this.#target?.writableFinished === true && this.#targetPort?.error === null;
    if (isClean) this.#closeIfOver();
    else this.#endByTargetReset();
  }

  #endByTargetReset(): void {
    const { platform, log } = this.#home;
    const lostBytes = this.#heldBytes;
    const what = `the target ${formatEndpoint(this.route.target)} reset the connection${reasonOf(this.#targetPort?.error)}`;
    const why = this.#mode === 'holding' ? `${what} while its platform was not awake` : what;
    if (this.#mode === 'holding') log.warn({ platform, stream: this.id, lostBytes }, why);
    this.#dropClient();
    this.#close(why);
  }

  // ------------------------------------------------------------------------------------------ delivery

  /** Sends held bytes as long as the target takes them; `drain` continues, and `hold` stops it between two blocks. */
  #deliver(): void {
    this.#mode = 'delivering';
    while (this.#mode === 'delivering') {
      const isFirst = this.#wasHeld;
      const heldBytes = this.#heldBytes;
      const bytes = this.#takeHeld();
      if (bytes === null) break;
      this.#disk?.read('client', bytes);
      const takesMore = this.#targetPort?.write(bytes) === true;
      this.#wasHeld = false;
      if (isFirst) this.#home.observer.streamDelivered(this, heldBytes);
      if (!takesMore) return;
    }
    if (this.#mode === 'delivering') this.#endDelivery();
  }

  #takeHeld(): Uint8Array | null {
    try {
      return this.#hold?.take() ?? null;
    } catch (error) {
      const { platform, log } = this.#home;
      log.error({ platform, stream: this.id }, errorText(error));
      this.abandon(errorText(error));
      return null;
    }
  }

  #endDelivery(): void {
    this.#mode = 'flowing';
    this.#wasHeld = false;
    const hold = this.#hold;
    this.#hold = null;
    if (hold?.hasFin === true) this.#target?.end();
    if (hold?.hasRst === true) {
      this.#dropTarget();
      const why = `the client reset the connection${reasonOf(this.#clientPort?.error)}`;
      this.#close(`${why}; what it sent before was delivered`);
      return;
    }
    this.updateReading();
    this.#closeIfOver();
  }

  // ------------------------------------------------------------------------------------------ the end

  #refuse(): void {
    const { refusal, refusedFor } = this.#activity;
    this.#home.refusals.note(refusedFor, this.route.listener, this.client, refusal);
    this.#client?.tryLater?.();
    this.abandon(`client refused: ${refusal}`);
  }

  #closeIfOver(): void {
    const targetIsGone = this.#target === null || this.#target.destroyed;
    if (this.#mode === 'closed' || !this.#clientIsGone || !targetIsGone) return;
    this.#close(`the ${this.#firstToEnd ?? 'client'} closed the connection`);
  }

  #dropClient(): void {
    if (this.#clientIsGone || this.#client === null) return;
    this.#home.farewells.resetClient(this.#client, this.#clientPort ?? this.#client);
  }

  #dropTarget(): void {
    if (this.#target === null) return;
    this.#home.farewells.resetTarget(this.#target, this.route.vm, this.#targetPort ?? this.#target);
  }

  #close(why: string): void {
    if (this.#mode === 'closed') return;
    this.#mode = 'closed';
    this.#patience?.end();
    this.#connector?.abort();
    this.#connector = null;
    this.#dropHold();
    const carried = `${formatBytes(this.#bytesFromClient)} from the client, ${formatBytes(this.#bytesToClient)} to it`;
    this.#home.observer.streamClosed(this, `${why} (${carried})`);
    const sides = { client: 'client', target: 'server', listener: 'server' } as const;
    this.#activity.close(this.#firstToEnd === null ? null : sides[this.#firstToEnd]);
  }

  /** Closed, it stays in the pool for its grace, but nothing of it is needed then that is as large as its sockets. */
  #shed(): void {
    if (this.#mode !== 'closed') return;
    this.#pings = null;
    this.#page = null;
    if (this.#clientIsGone) {
      this.#client = null;
      this.#clientPort = null;
    }
    if (this.#target?.destroyed === true) {
      this.#target = null;
      this.#targetPort = null;
    }
  }
}

function beginTrace(home: StreamHome, route: StreamRoute, stream: string, client: StreamSocket): StreamTrace | null {
  const { vm, target } = route;
  return home.recorder?.begin({ stream, vm, listenPort: client.localPort ?? 0, targetPort: target.port }) ?? null;
}

/** FNV-1a of both; two that collide learn each other's polls. */
function familyOf(address: string, listener: string): number {
  return addHash(addHash(addHash(0x811c9dc5, address), ' '), listener) >>> 0;
}

function addHash(start: number, text: string): number {
  let hash = start;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash;
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return code === undefined ? '' : ` (${code})`;
}
