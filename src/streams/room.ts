// How many clients one listener has, in all and of each source, and who has to make room when it is full. Ends no connection itself.

/** Who has a place. */
export interface Occupant {
  readonly source: string;
  /** True while nothing of it has counted: it may be sent away for somebody else. */
  readonly isDormant: boolean;
  /** Ends it, and says why. */
  makeRoom(): void;
}

export interface RoomBounds {
  readonly maxStreams: number;
  readonly maxPerSource: number;
}

export type RoomAnswer = 'free' | 'source-full' | 'full';

/** Those who may be sent away are looked for once for so many newcomers: the look goes over all streams. */
const VICTIMS_PER_LOOK = 64;
/** Where nobody could be sent away, this long passes before the next look. */
const FRUITLESS_MS = 1000;

export class Room {
  readonly #counts = new Map<string, number>();
  #total = 0;
  #victims: Occupant[] = [];
  #noLookBeforeMs = Number.NEGATIVE_INFINITY;

  get total(): number {
    return this.#total;
  }

  of(source: string): number {
    return this.#counts.get(source) ?? 0;
  }

  enter(source: string): void {
    this.#total += 1;
    this.#counts.set(source, this.of(source) + 1);
  }

  leave(source: string): void {
    const left = this.of(source) - 1;
    this.#total -= 1;
    if (left > 0) this.#counts.set(source, left);
    else this.#counts.delete(source);
  }

  /** `elsewhere`: places that are taken in other processes. */
  ask(source: string, bounds: RoomBounds, elsewhere: number): RoomAnswer {
    const isBound = bounds.maxPerSource < bounds.maxStreams;
    if (isBound && this.of(source) >= bounds.maxPerSource) return 'source-full';
    return this.#total + elsewhere >= bounds.maxStreams ? 'full' : 'free';
  }

  /**
   * At the bound: sends somebody away of whom nothing has counted, of the source that has most, where that has more than the newcomer's
   * would. True: the newcomer may come in. So a flood from few sources, however large, leaves room for others.
   */
  makeRoomFor(source: string, nowMs: number, occupants: Iterable<Occupant>): boolean {
    if (this.#victims.length === 0 && nowMs >= this.#noLookBeforeMs) {
      this.#look(occupants);
      if (this.#victims.length === 0) this.#noLookBeforeMs = nowMs + FRUITLESS_MS;
    }
    const mine = this.of(source);
    for (let victim = this.#victims.pop(); victim !== undefined; victim = this.#victims.pop()) {
      if (!victim.isDormant) continue;
      if (this.of(victim.source) <= mine + 1) {
        this.#victims = [];
        return false;
      }
      victim.makeRoom();
      return true;
    }
    return false;
  }

  /** Oldest first, which is the order of `occupants`. */
  #look(occupants: Iterable<Occupant>): void {
    let most = '';
    for (const [source, count] of this.#counts) if (count > this.of(most)) most = source;
    const found: Occupant[] = [];
    for (const occupant of occupants) {
      if (!occupant.isDormant || occupant.source !== most) continue;
      found.push(occupant);
      if (found.length === VICTIMS_PER_LOOK) break;
    }
    this.#victims = found.reverse();
  }
}
