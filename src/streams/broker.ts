// Leads the clients of a pool's port to one of its VMs: knows the seats of this process's platforms, and who was placed where. Which seat is best the pure rule says.
import { choosePlace, type PlacementSeat, type PoolRule } from '../platform/placement.ts';
import type { BehindName } from './behind-name.ts';

/** Users whose place is remembered; beyond that the one who came longest ago is placed anew. */
export const REMEMBERED_USERS_MAX = 100_000;

/** One VM of a pool behind a port. */
export interface Seat extends BehindName {
  readonly key: string;
  readonly platform: string;
  /** As it is now. */
  look(): Pick<PlacementSeat, 'stage' | 'platformSessions' | 'sessions'>;
}

/** Where users were placed at any Torpor of a farm. */
export interface SharedPlaces {
  /** The seat's key; null: none is known. */
  seatOf(mark: string): string | null;
  remember(mark: string, seat: string): void;
}

/** One for all platforms of a process. */
export class Broker {
  /** Null: this Torpor is alone. */
  shared: SharedPlaces | null = null;
  readonly #seats = new Map<string, Seat[]>();
  /** Pool and user to the seat's key; whoever came last stands last. */
  readonly #placed = new Map<string, string>();
  #closed: ReadonlySet<string> = new Set();

  add(door: string, seat: Seat): void {
    this.#seats.set(door, [...(this.#seats.get(door) ?? []), seat]);
  }

  remove(door: string, seat: Seat): void {
    const left = (this.#seats.get(door) ?? []).filter((each) => each !== seat);
    if (left.length > 0) this.#seats.set(door, left);
    else this.#seats.delete(door);
  }

  /** These platforms take nobody new from now on; all others do. Open streams stay. */
  close(platforms: ReadonlySet<string>): void {
    this.#closed = platforms;
  }

  /** `user`: whose client it is; null: nobody is remembered. null: no seat has room. */
  place(door: string, { name, sessionsPerPlatform }: PoolRule, user: string | null): Seat | null {
    const seats = (this.#seats.get(door) ?? []).map((seat) => {
      const { key, platform } = seat;
      return { key, platform, seat, isClosed: this.#closed.has(platform), ...seat.look() };
    });
    const mark = user === null ? null : `${name} ${user}`;
    const former = mark === null ? null : (this.shared?.seatOf(mark) ?? this.#placed.get(mark) ?? null);
    const chosen = choosePlace(seats, former, sessionsPerPlatform);
    if (chosen === null) return null;
    if (mark !== null) this.#remember(mark, chosen.key);
    return chosen.seat;
  }

  /** Its VM runs on another platform, and its users go there. */
  rename(key: string, next: string): void {
    for (const [mark, placed] of this.#placed) if (placed === key) this.#placed.set(mark, next);
  }

  #remember(mark: string, key: string): void {
    this.#placed.delete(mark);
    this.#placed.set(mark, key);
    this.shared?.remember(mark, key);
    if (this.#placed.size <= REMEMBERED_USERS_MAX) return;
    for (const oldest of this.#placed.keys()) {
      this.#placed.delete(oldest);
      return;
    }
  }
}
