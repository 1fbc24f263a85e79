// Ends connections by RST after what was sent has arrived: a target's never while its VM is held. Decides nothing else.
import { resetSocket } from './reset-socket.ts';
import type { SentWaits } from './sent-waits.ts';
import type { StreamSocket } from './stream-socket.ts';

/** A reset waits at most that long for the bytes before it; then it overtakes them. */
export const RESET_FLUSH_MS = 2000;

/** Who reads from a socket: itself, or the port that does. */
type Reading = Pick<StreamSocket, 'pause' | 'resume'>;

/** The sockets of closed streams that are still to be reset. Each is one that a stream had, so their number is bounded with it. */
export class Farewells {
  readonly #sentWaits: SentWaits;
  readonly #isHeld: (vm: string) => boolean;
  /** Sockets whose bytes are on their way, and target sockets whose VM is held; clients have no VM. */
  readonly #pending = new Map<StreamSocket, string | null>();
  readonly #parked = new Set<StreamSocket>();

  constructor(sentWaits: SentWaits, isHeld: (vm: string) => boolean) {
    this.#sentWaits = sentWaits;
    this.#isHeld = isHeld;
  }

  /** Sockets that are still to be reset. */
  get size(): number {
    return this.#pending.size;
  }

  /** Resets a target's connection when everything sent to it has arrived and its VM is not held. */
  resetTarget(target: StreamSocket, vm: string, reading: Reading = target): void {
    this.#add(target, vm, reading);
  }

  /** Resets a client's connection when everything sent to it has arrived. */
  resetClient(client: StreamSocket, reading: Reading = client): void {
    this.#add(client, null, reading);
  }

  /** Resets what waited for a VM (null: for any) to be released. */
  release(vm: string | null): void {
    for (const socket of [...this.#parked]) {
      if (vm === null || this.#pending.get(socket) === vm) this.#reset(socket);
    }
  }

  /** Resets everything at once. */
  close(): void {
    for (const socket of [...this.#pending.keys()]) this.#reset(socket);
  }

  /**
   * What still arrives is for nobody, and may be as much as the peer can send: it is read only where the peer has not taken everything,
   * since some read only after they could write, and where the wait is long.
   */
  #add(socket: StreamSocket, vm: string | null, reading: Reading): void {
    if (socket.destroyed || this.#pending.has(socket)) return;
    this.#pending.set(socket, vm);
    socket.once('close', () => this.#forget(socket));
    reading.pause();
    const readOn = () => reading.resume();
    const done = () => {
      // Its peer was first.
      if (!this.#pending.has(socket)) return;
      if (vm !== null && this.#isHeld(vm)) {
        this.#parked.add(socket);
        readOn();
      } else this.#reset(socket);
    };
    this.#sentWaits.add(socket, RESET_FLUSH_MS, done, readOn);
  }

  #reset(socket: StreamSocket): void {
    this.#forget(socket);
    resetSocket(socket);
  }

  #forget(socket: StreamSocket): void {
    this.#pending.delete(socket);
    this.#parked.delete(socket);
  }
}
