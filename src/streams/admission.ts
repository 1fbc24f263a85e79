// Who may come in at one platform's listeners: their bounds and counts, and how those are sent away who may not. Makes no stream.
import type { Clock, Logger } from '../platform/ports.ts';
import type { RefusalReason } from '../platform/refusal.ts';
import type { Arrival } from './arrival.ts';
import type { Listener } from './listener.ts';
import { REFUSAL_LOG_MS, type Refusals } from './refusals.ts';
import { resetSocket } from './reset-socket.ts';
import { type Occupant, Room } from './room.ts';
import { routeRefusal } from './route-refusal.ts';
import type { StreamRoute } from './stream.ts';
import type { StreamSocket } from './stream-socket.ts';

/** A client that was told in its own protocol why it is not served gets this long to read so. */
const REFUSED_BOUND_MS = 2_000;

export interface AdmissionOptions {
  readonly platform: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly refusals: Refusals;
  /** Streams of all sets of a process, and how many there may be. Default: each listener's bound alone. */
  readonly total?: { open: number; readonly max: number } | undefined;
  /** Those who have a place there, who have said least first. */
  readonly occupantsAt: (listener: Listener) => Iterable<Occupant>;
}

export class Admission {
  readonly #options: AdmissionOptions;
  /** Of listeners that have clients. */
  readonly #rooms = new Map<StreamRoute, Room>();
  readonly #refusing = new Set<Listener>();
  readonly #saidFullAtMs = new WeakMap<Listener, number>();
  /** Whose routes these are now: who came before may still leave here. */
  readonly #passedTo = new Map<StreamRoute, Admission>();
  /** Streams that other processes have open, by listener. */
  readonly #elsewhere = new Map<StreamRoute, number>();

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** So many streams of the listener are open in other processes: they count against its bound. */
  noteElsewhere(route: StreamRoute, streams: number): void {
    this.#elsewhere.set(route, streams);
  }

  /** Places that are taken at all listeners, and at one. */
  get total(): number {
    let total = 0;
    for (const room of this.#rooms.values()) total += room.total;
    return total;
  }

  at(route: StreamRoute): number {
    return this.#rooms.get(route)?.total ?? 0;
  }

  /** Another platform's from now on, with its places that are taken. */
  pass(route: StreamRoute, to: Admission): void {
    const room = this.#rooms.get(route);
    this.#rooms.delete(route);
    this.#passedTo.set(route, to);
    to.#passedTo.delete(route);
    if (room !== undefined) to.#rooms.set(route, room);
  }

  /** It takes clients: the next one that is turned away is told of. */
  noteAdmitted(listener: Listener): void {
    this.#refusing.delete(listener);
  }

  /** False, and the client is reset, at the bound of its listener, its source there, or all listeners. */
  hasRoom(client: StreamSocket, listener: Listener, source: string): boolean {
    const { route } = listener;
    const room = this.#roomOf(route);
    const elsewhere = this.#elsewhere.get(route) ?? 0;
    const answer = room.ask(source, listener.bounds, elsewhere);
    if (answer === 'source-full') {
      const why = `${room.of(source)} streams of ${source} are open, its bound (maxPerSource)`;
      this.refuse(client, listener, 'per-source', why);
      return false;
    }
    const { total } = this.#options;
    const isFull = answer === 'full' || (total !== undefined && total.open >= total.max);
    if (!isFull || room.makeRoomFor(source, this.#options.clock.nowMs(), this.#options.occupantsAt(listener)))
      return true;
    const open = room.total + elsewhere;
    const why =
      answer === 'full'
        ? `${open} streams are open, its bound (maxStreams)`
        : `${total?.open} streams are open at all listeners, the bound (maxStreams)`;
    this.turnAway(client, listener, 'max-streams', why);
    return false;
  }

  #roomOf(route: StreamRoute): Room {
    const known = this.#rooms.get(route);
    if (known !== undefined) return known;
    const made = new Room();
    this.#rooms.set(route, made);
    return made;
  }

  enter(route: StreamRoute, source: string): void {
    this.#roomOf(route).enter(source);
    if (this.#options.total !== undefined) this.#options.total.open += 1;
  }

  leave(route: StreamRoute, source: string): void {
    const now = this.#passedTo.get(route);
    if (now !== undefined) {
      now.leave(route, source);
      return;
    }
    const room = this.#roomOf(route);
    room.leave(source);
    if (this.#options.total !== undefined) this.#options.total.open -= 1;
    if (room.total === 0) this.#rooms.delete(route);
  }

  /** Nobody has the name: said in the client's own protocol, and ended. */
  refuseName(client: StreamSocket, listener: Listener, { asked, ends }: Arrival): void {
    const from = ends?.client.host ?? client.remoteAddress ?? 'unknown';
    const name = asked?.host ?? asked?.rdp ?? null;
    const why = name === null ? 'it asks for nobody by name' : `nothing is behind the name ${JSON.stringify(name)}`;
    this.#options.refusals.note('no-route', listener.label, from, why);
    this.endWith(client, routeRefusal(asked?.via ?? 'none'));
  }

  endWith(client: StreamSocket, answer: Uint8Array): void {
    client.end(answer);
    const cancel = this.#options.clock.schedule(REFUSED_BOUND_MS, () => resetSocket(client));
    client.once('close', cancel);
  }

  /** Resets a client; said once until the listener takes clients again. */
  turnAway(client: StreamSocket, listener: Listener, reason: RefusalReason, why: string): void {
    resetSocket(client);
    this.#options.refusals.count(reason);
    const nowMs = this.#options.clock.nowMs();
    // In a flood there is room, and none, from one moment to the next.
    const wasSaid = nowMs - (this.#saidFullAtMs.get(listener) ?? Number.NEGATIVE_INFINITY) < REFUSAL_LOG_MS;
    if (this.#refusing.has(listener) || wasSaid) return;
    this.#refusing.add(listener);
    this.#saidFullAtMs.set(listener, nowMs);
    const { platform, log } = this.#options;
    const facts = { platform, listener: listener.label };
    log.warn(facts, `clients of ${facts.listener} are reset until there is room again: ${why}`);
  }

  /** Resets a client from elsewhere (allowFrom). Its address goes to the log of who asks for details: there may be many. */
  shutOut(client: StreamSocket, listener: Listener, address: string): void {
    const { platform, log } = this.#options;
    const facts = {
      platform,
      listener: listener.label,
      client: address === '' ? 'unknown' : address,
    };
    log.debug(facts, `a client of ${facts.listener} was reset: ${facts.client} is not in allowFrom`);
    this.#options.refusals.count('allow-from');
    resetSocket(client);
  }

  refuse(client: StreamSocket, listener: Listener, reason: RefusalReason, why: string): void {
    this.#options.refusals.note(reason, listener.label, client.remoteAddress ?? 'unknown', why);
    resetSocket(client);
  }
}
