// The datagrams between one client's address and port and one VM: a stream to whoever watches, without a connection. Who has room for it is its listener's.

import type { DatagramRule } from '../../platform/datagram-rule.ts';
import { formatEndpoint, udpAddressOf } from '../../platform/endpoint.ts';
import { errorText } from '../../platform/errors.ts';
import type { Protocol, StreamName, StreamStatus } from '../../platform/ports.ts';
import type { RefusalReason } from '../../platform/refusal.ts';
import { formatBytes, formatDuration } from '../../platform/units.ts';
import type { StreamHome, StreamRoute } from '../stream.ts';
import { type ActivityOwner, StreamActivity } from '../stream-activity.ts';
import { DatagramHold, type DatagramHoldBounds, HOLD_MAX_DATAGRAMS } from './datagram-hold.ts';
import { DatagramTarget, type DatagramTargetOwner } from './datagram-target.ts';
import type { FlowRecord, GivenFlow } from './flow-record.ts';

export interface FlowOwner {
  readonly rule: DatagramRule;
  /** To the client; may be lost. */
  reply(flow: DatagramFlow, bytes: Uint8Array): void;
  /** A datagram came, either way. */
  touch(flow: DatagramFlow): void;
  /** It has no place any more. */
  ended(flow: DatagramFlow): void;
  /** It is out of the pool, too. */
  forget(flow: DatagramFlow): void;
}

/** Where a flow comes from. */
export interface FlowClient {
  /** As the socket tells it. */
  readonly address: string;
  readonly port: number;
  /** As people know it. */
  readonly host: string;
  readonly source: string;
}

export class DatagramFlow implements StreamName, ActivityOwner, DatagramTargetOwner {
  readonly id: string;
  readonly route: StreamRoute;
  readonly from: FlowClient;
  readonly client: string;
  readonly protocol: Protocol = 'raw';
  /** Nothing is learned of datagrams. */
  readonly family = 0;
  readonly #home: StreamHome;
  readonly #owner: FlowOwner;
  readonly #activity: StreamActivity;
  readonly #hold: DatagramHold;
  readonly #openedAtMs: number;
  #target: DatagramTarget | null = null;
  #isClosed = false;
  #wasHeld: boolean;
  #bytesFromClient = 0;
  #bytesToClient = 0;
  readonly #given: GivenFlow | null;
  /** Of the last datagram, either way. */
  lastAtMs: number;

  /** `given`: it went on from another process. Default: its first datagram is about to come. */
  constructor(
    id: string,
    home: StreamHome,
    route: StreamRoute,
    from: FlowClient,
    owner: FlowOwner,
    given: GivenFlow | null = null,
  ) {
    this.id = id;
    this.route = route;
    this.from = from;
    this.client = formatEndpoint({ host: from.host, port: from.port });
    this.#home = home;
    this.#owner = owner;
    this.#given = given;
    this.#hold = new DatagramHold(home.sourceHolds.of(from.source));
    this.#openedAtMs = home.clock.nowMs();
    this.lastAtMs = this.#openedAtMs;
    this.#wasHeld = home.isHeld(route.vm);
    const rules = Object.create(route, {
      // One that went on brings nothing by itself: what it counted for is told apart.
      wakeOn: { value: owner.rule.datagrams === 'wake' && given === null ? 'connect' : 'input' },
      activity: { value: 'every-byte' },
      protocol: { value: 'raw' },
    });
    // Whoever has no place any more leaves the pool at once: a flood of ports must not fill the core with goodbyes.
    const activityHome = Object.create(home, { disconnectGraceMs: { value: 0 } });
    this.#activity = new StreamActivity(activityHome, rules, this, null);
  }

  get platform(): string {
    return this.#home.platform;
  }

  get vm(): string {
    return this.route.vm;
  }

  get listener(): string {
    return this.route.listener;
  }

  /** ActivityOwner. */
  get isHeld(): boolean {
    return this.#home.isHeld(this.route.vm);
  }

  /** True where a datagram that counts waits for the VM. */
  get isWaiting(): boolean {
    return !this.#isClosed && this.isHeld && !this.#activity.isDormant && this.#hold.count > 0;
  }

  status(): StreamStatus {
    return {
      id: this.id,
      platform: this.platform,
      vm: this.vm,
      listener: this.listener,
      client: this.client,
      target: formatEndpoint(this.route.target),
      protocol: this.protocol,
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
      heldBytes: this.#hold.heldBytes,
      heldStoredBytes: this.#hold.heldBytes,
    };
  }

  get #mode(): StreamStatus['mode'] {
    if (this.#isClosed) return 'closed';
    if (this.isHeld) return 'holding';
    return this.#hold.count > 0 ? 'connecting' : 'flowing';
  }

  /** Takes its seat, and tells that it is there. Not null: why it may not be; then nobody was told. Throws ERR_CORE_STREAMS_EXHAUSTED. */
  open(): { reason: RefusalReason; why: string } | null {
    this.#activity.takeSeat(false);
    const { refusal, refusedFor } = this.#activity;
    if (refusal !== '') {
      this.#isClosed = true;
      this.#activity.discard();
      return { reason: refusedFor, why: refusal };
    }
    this.#activity.announce();
    if (this.#given !== null) this.#goOn(this.#given);
    return null;
  }

  #goOn({ record, fd }: GivenFlow): void {
    const { target } = this.route;
    if (fd !== null) this.#target = DatagramTarget.take(fd, udpAddressOf(target) ?? target, this);
    const nowMs = this.#home.clock.nowMs();
    for (const { bytes, ageMs } of record.held) this.#keep(Buffer.from(bytes, 'base64'), nowMs - ageMs);
    if (record.isActive) this.#activity.insist('went on from the Torpor before this one');
  }

  /** The socket towards its VM, as long as there is one. */
  get target(): DatagramTarget | null {
    return this.#target;
  }

  /** What another process must know to go on with it, and leaves to it what is kept, up to `maxBytes`: the rest is this one's to drop. */
  leave(listen: string, socket: number | null, maxBytes: number): FlowRecord {
    const nowMs = this.#home.clock.nowMs();
    const held: Array<{ bytes: string; ageMs: number }> = [];
    let left = maxBytes;
    for (const { bytes, atMs } of this.#hold.kept) {
      left -= bytes.length;
      if (left < 0) break;
      held.push({ bytes: Buffer.from(bytes).toString('base64'), ageMs: nowMs - atMs });
    }
    this.#noteDropped(this.#hold.take().length - held.length, 'more was held than is handed over');
    const { route, from } = this;
    return {
      ...{ listen, vm: route.vm, target: formatEndpoint(route.target), address: from.address, port: from.port },
      ...{ socket, isActive: this.#activity.isActive && !this.isHeld, held },
    };
  }

  /** One from the client. The observer may release or hold before this returns. */
  onDatagram(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    this.#touch();
    this.#bytesFromClient += bytes.length;
    this.#home.carried.fromClients += bytes.length;
    if (this.isHeld || this.#target?.isReady !== true) this.#keep(bytes);
    else if (!this.#target.send(bytes)) this.#noteDropped(1, 'the queue towards its VM is full');
    const { datagrams } = this.#owner.rule;
    if (datagrams === 'wake' || (datagrams === 'count' && !this.isHeld)) this.#activity.insist('client datagram');
  }

  /** From now on nothing is sent to the VM. */
  hold(): void {
    this.#wasHeld = true;
    if (this.#hold.count > 0 && !this.#activity.isDormant) this.#activity.insist('held datagrams wait');
  }

  /** Delivers what is kept and young enough. */
  release(): void {
    if (!this.#wasHeld || this.#isClosed) return;
    const waited = this.#hold.count > 0 && !this.#activity.isDormant;
    this.#wasHeld = false;
    if (this.#activity.release() === 'refused') {
      this.end(`client refused: ${this.#activity.refusal}`);
      return;
    }
    this.#expire();
    if (this.#hold.count > 0) {
      this.#home.observer.streamDelivered(this, this.#hold.heldBytes);
      this.#deliver();
    }
    // A wake that took longer than the idle timeout must not end in the next sleep.
    if (waited && !this.#activity.isActive) this.#activity.insist('waited for the wake');
  }

  /** Its route or its home has changed. */
  followRules(): void {
    this.#activity.followRules();
  }

  /** Looked at now and then: what is too old goes, and so does a flow that is over. */
  sweep(): void {
    this.#expire();
    const { flowIdleMs } = this.#owner.rule;
    if (this.#home.clock.nowMs() - this.lastAtMs < flowIdleMs || this.#hold.count > 0) return;
    if (!this.#activity.isActive) this.end(`no datagram for ${formatDuration(flowIdleMs)}`);
    else this.#closeTarget();
  }

  end(why: string): void {
    if (this.#isClosed) return;
    this.#noteDropped(this.#hold.take().length, why);
    this.#isClosed = true;
    this.#closeTarget();
    this.#owner.ended(this);
    const carried = `${formatBytes(this.#bytesFromClient)} from the client, ${formatBytes(this.#bytesToClient)} to it`;
    this.#home.observer.streamClosed(this, `${why} (${carried})`);
    this.#activity.close();
  }

  /** Ends without a word to the observer: Torpor itself goes. */
  shutDown(): void {
    this.#isClosed = true;
    this.#closeTarget();
    this.#hold.take();
    this.#activity.discard();
  }

  // ------------------------------------------------------------------------------------------ what its parts tell it

  /** DatagramTargetOwner. */
  onReady(): void {
    if (!this.isHeld) this.#deliver();
  }

  /** DatagramTargetOwner. Replies never count: what the VM says by itself is nobody. */
  onReply(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    this.#touch();
    this.#bytesToClient += bytes.length;
    this.#home.carried.toClients += bytes.length;
    this.#owner.reply(this, bytes);
  }

  /** DatagramTargetOwner. */
  onFailed(error: Error): void {
    this.end(`cannot send to ${formatEndpoint(this.route.target)}: ${errorText(error)}`);
  }

  /** ActivityOwner. */
  mayWake(): string | null {
    return this.#home.mayWake(this.route, this.from.host);
  }

  /** ActivityOwner. No preface is asked for. */
  onLate(): void {}

  /** ActivityOwner: datagrams are not a disk's. */
  isUnanswered(): boolean {
    return false;
  }

  /** ActivityOwner. */
  onOver(): void {
    this.#owner.forget(this);
  }

  // ------------------------------------------------------------------------------------------ parts

  #touch(): void {
    this.lastAtMs = this.#home.clock.nowMs();
    this.#owner.touch(this);
  }

  get #bounds(): DatagramHoldBounds {
    const { holdForMs } = this.#owner.rule;
    return { maxDatagrams: HOLD_MAX_DATAGRAMS, maxBytes: this.#home.perStreamBytes, maxAgeMs: holdForMs };
  }

  #keep(bytes: Uint8Array, atMs = this.#home.clock.nowMs()): void {
    const { budget, sourceHolds } = this.#home;
    const mayGrow = !budget.isFull && !sourceHolds.isFull(this.from.source);
    const dropped = this.#hold.push(bytes, this.#bounds, atMs, mayGrow);
    if (dropped > 0) this.#noteDropped(dropped, 'more came than is held, or than is held for so long');
    if (!this.isHeld) this.#openTarget();
  }

  #expire(): void {
    const dropped = this.#hold.expire(this.#bounds, this.#home.clock.nowMs());
    if (dropped > 0) this.#noteDropped(dropped, `held for more than ${formatDuration(this.#owner.rule.holdForMs)}`);
  }

  #noteDropped(count: number, why: string): void {
    for (let at = 0; at < count; at += 1)
      this.#home.refusals.note('datagram', this.listener, this.client, `a datagram was dropped: ${why}`);
  }

  #openTarget(): void {
    const { target } = this.route;
    this.#target ??= new DatagramTarget(udpAddressOf(target) ?? target, this);
  }

  #closeTarget(): void {
    this.#target?.close();
    this.#target = null;
  }

  #deliver(): void {
    this.#openTarget();
    const target = this.#target;
    if (target?.isReady !== true) return;
    let dropped = 0;
    for (const bytes of this.#hold.take()) if (!target.send(bytes)) dropped += 1;
    this.#noteDropped(dropped, 'the queue towards its VM is full');
  }
}
