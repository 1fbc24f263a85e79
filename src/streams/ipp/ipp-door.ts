// The IPP clients of one listener that defers, and who answers them. The jobs' order and their delivery are the spool's queue's.
import { formatBytes } from '../../platform/units.ts';
import type { Arrival } from '../arrival.ts';
import type { SpoolHome } from '../spool/spool-home.ts';
import type { SpooledJob, SpoolStore } from '../spool/spool-store.ts';
import type { StreamRoute } from '../stream.ts';
import type { StreamSocket } from '../stream-socket.ts';
import { type DeskSpool, IppDesk } from './ipp-desk.ts';
import { IppIntake, type IppIntakeOwner } from './ipp-intake.ts';
import { IppLearner } from './ipp-learner.ts';
import type { IppMemory } from './ipp-memory.ts';

/** The queue, as far as the door needs it. */
export interface DoorQueue extends DeskSpool {
  readonly store: SpoolStore;
  readonly jobMs: number;
  boundReached: IppIntakeOwner['boundReached'];
  onSafe(job: SpooledJob): void;
  /** Has its platform woken for a client whose job could not be kept. What keeps it from that, for people; null: nothing. */
  wakeFor(why: string, client: IppIntake): string | null;
}

/** What becomes of a client's socket. */
export interface DoorExits {
  readonly onGone: (route: StreamRoute, source: string) => void;
  readonly onPassed: (client: StreamSocket, arrival: Arrival, hasEnded: boolean, source: string) => void;
}

export interface IppDoorOptions {
  readonly home: SpoolHome;
  readonly route: StreamRoute;
  readonly memory: IppMemory;
  readonly queue: DoorQueue;
  readonly exits: DoorExits;
}

export class IppDoor implements IppIntakeOwner {
  readonly desk: IppDesk;
  readonly #options: IppDoorOptions;
  readonly #learner: IppLearner;
  readonly #intakes = new Map<IppIntake, StreamSocket>();

  constructor(options: IppDoorOptions) {
    const { home, route, memory, queue } = options;
    this.#options = options;
    this.#learner = new IppLearner({ home, route, memory });
    const isHeld = () => home.isHeld(route.vm);
    this.desk = new IppDesk({ clock: home.clock, spool: queue, memory, learner: this.#learner, isHeld });
  }

  get platform(): string {
    return this.#options.home.platform;
  }

  get clock(): SpoolHome['clock'] {
    return this.#options.home.clock;
  }

  get buffers(): SpoolHome['buffers'] {
    return this.#options.home.buffers;
  }

  get store(): SpoolStore {
    return this.#options.queue.store;
  }

  get jobMs(): number {
    return this.#options.queue.jobMs;
  }

  /** Oldest first. */
  get intakes(): Iterable<IppIntake> {
    return this.#intakes.keys();
  }

  admit(id: string, client: StreamSocket, arrival: Arrival | null): IppIntake {
    const intake = new IppIntake(id, this, this.#options.route, client, arrival);
    this.#intakes.set(intake, client);
    return intake;
  }

  heldChanged(): void {
    this.#learner.heldChanged();
  }

  stop(): void {
    this.#learner.stop();
  }

  close(): void {
    for (const intake of [...this.#intakes.keys()]) intake.shutDown();
  }

  // ------------------------------------------------------------------------------------------ what its clients tell it

  /** IppIntakeOwner. */
  boundReached(job: { readonly isWriting: boolean; readonly bytes: number }, bytes: number): string | null {
    return this.#options.queue.boundReached(job, bytes);
  }

  /** IppIntakeOwner. */
  onServed(intake: IppIntake): void {
    this.#options.home.observer.streamOpened(intake);
  }

  /** IppIntakeOwner. */
  onSafe(job: SpooledJob): void {
    this.#options.queue.onSafe(job);
  }

  /** IppIntakeOwner. */
  onRefused(why: string, intake: IppIntake): void {
    const { home, queue } = this.#options;
    const refusal = queue.wakeFor(`cannot be spooled: ${why}`, intake);
    if (refusal !== null) {
      home.refusals.note('wake-rate', intake.listener, intake.client, refusal);
      intake.abandon(`client refused: ${refusal}`);
      return;
    }
    const what = `a job of ${intake.client} is not spooled, and it is told to send it again: ${why}`;
    home.log.warn({ platform: this.platform, stream: intake.id }, what);
  }

  /** IppIntakeOwner. */
  onPassed(arrival: Arrival, hasEnded: boolean, intake: IppIntake): void {
    const client = this.#intakes.get(intake);
    this.#intakes.delete(intake);
    if (client !== undefined) this.#options.exits.onPassed(client, arrival, hasEnded, intake.source);
  }

  /** IppIntakeOwner. */
  onGone(intake: IppIntake): void {
    if (this.#intakes.delete(intake)) this.#options.exits.onGone(intake.route, intake.source);
  }

  /** IppIntakeOwner. */
  onOver(why: string, intake: IppIntake): void {
    const said = `${why} (${formatBytes(intake.bytesFromClient)} from the client)`;
    this.#options.home.observer.streamClosed(intake, said);
  }
}
