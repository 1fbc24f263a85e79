// How long one stream's keepalives wait for an answer that its sleeping VM cannot give. What happens then is its owner's.
import type { Clock } from '../platform/ports.ts';

export interface KeepalivePatienceOptions {
  readonly clock: Clock;
  /** From the first held keepalive on; later ones do not prolong it. */
  readonly waitMs: number;
  readonly onOver: () => void;
}

export class KeepalivePatience {
  readonly #options: KeepalivePatienceOptions;
  #cancel: (() => void) | null = null;

  constructor(options: KeepalivePatienceOptions) {
    this.#options = options;
  }

  /** A keepalive is held. After `onOver` the next one begins a new wait. */
  begin(): void {
    const { clock, waitMs, onOver } = this.#options;
    this.#cancel ??= clock.schedule(waitMs, () => {
      this.#cancel = null;
      onOver();
    });
  }

  /** What was held is on its way, or nobody waits for it any more. Idempotent. */
  end(): void {
    this.#cancel?.();
    this.#cancel = null;
  }
}
