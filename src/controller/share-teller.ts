// What the other Torpors are told of this one's part of a platform: when it changes, and now and then until when it lasts. Never for bytes.
import type { ActivityTable } from '../platform/activity-table.ts';
import { findBindingReason } from '../platform/idle-policy.ts';
import type { PlatformModel } from '../platform/model.ts';
import type { Clock, StreamGate } from '../platform/ports.ts';
import type { OwnShare, PlatformShare } from '../platform/share.ts';

/** The newest deadline moves with every byte: while clients are active it is looked for again this often at most. Milliseconds. */
export const DEADLINE_LOOK_MS = 300_000;
/** It is looked for again this long before what was told is over. Milliseconds. */
const DEADLINE_LEAD_MS = 60_000;

export interface ShareTellerOptions {
  readonly share: PlatformShare;
  readonly table: ActivityTable;
  readonly gate: StreamGate;
  readonly clock: Clock;
}

export class ShareTeller {
  readonly #options: ShareTellerOptions;
  #told: OwnShare | null = null;
  /** When the deadline is looked for again, while somebody is active. */
  #lookAtMs = 0;
  #isLooking = false;
  #isStopped = false;

  constructor(options: ShareTellerOptions) {
    this.#options = options;
  }

  /** Called after each step; tells what is new. */
  tell(model: PlatformModel): void {
    const { table, clock } = this.#options;
    const before = this.#told;
    const nowMs = clock.nowMs();
    const own = { active: table.size, keeps: findBindingReason(model, nowMs), held: model.held };
    if (before !== null && own.active > 0 && before.active > 0 && nowMs >= this.#lookAtMs) this.#look();
    if (before === null || own.active > 0 !== before.active > 0) {
      this.#sayLooked(own);
    } else if (own.active !== before.active || own.keeps !== before.keeps || own.held !== before.held) {
      this.#say({ ...own, newestDeadlineMs: before.newestDeadlineMs });
    }
  }

  /** A look that is under way tells nothing any more. */
  stop(): void {
    this.#isStopped = true;
  }

  #sayLooked(own: Omit<OwnShare, 'newestDeadlineMs'>): void {
    const nowMs = this.#options.clock.nowMs();
    const newestDeadlineMs = own.active > 0 ? this.#newestDeadlineMs(nowMs) : null;
    this.#lookAtMs = Math.max(nowMs + DEADLINE_LOOK_MS, (newestDeadlineMs ?? nowMs) - DEADLINE_LEAD_MS);
    this.#say({ ...own, newestDeadlineMs });
  }

  #say(own: OwnShare): void {
    this.#told = own;
    this.#options.share.tell(own);
  }

  /** Streams of other processes are known as they were last: they are asked first. */
  #look(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    void this.#options.gate.refresh('streams').then(() => {
      this.#isLooking = false;
      const told = this.#told;
      if (!this.#isStopped && told !== null && told.active > 0) this.#sayLooked(told);
    });
  }

  /** When the last active client leaves the pool if nothing more comes; null: it is not known. */
  #newestDeadlineMs(nowMs: number): number | null {
    const streams = this.#options.gate.streams();
    const endsMs = streams.flatMap(({ active, idleAtMs }) => (active && idleAtMs !== null ? [idleAtMs] : []));
    const newestMs = Math.max(...endsMs);
    return newestMs > nowMs ? newestMs : null;
  }
}
