// The sliding window over one direction's session sequence numbers: each number once, none too far off.

/** Numbers this far above the highest received so far are taken, and move the window. Source: IPMI v2.0 section 6.12.13. */
export const WINDOW_AHEAD = 15;
/** Numbers this far below the highest are taken if they were not received before. Source: IPMI v2.0 section 6.12.13. */
export const WINDOW_BEHIND = 16;

/** What the window says of one number. */
export type WindowVerdict = 'fresh' | 'duplicate' | 'outside';

/**
 * Sequence numbers are 32 bits wide, start at 1 and wrap from FFFFFFFFh to 1; 0 stands for "outside any session" and is
 * never fresh. Ask with `judge`, and `record` only after the integrity code was verified: a forged packet must not move
 * the window.
 */
export class ReceiveWindow {
  #highest = 0;
  /** Bit n stands for `highest - n`; all are set at the start, since nothing below 1 may come. */
  #seen = 0x1_ffff;

  judge(sequence: number): WindowVerdict {
    if (sequence === 0) return 'outside';
    const distance = (sequence - this.#highest) | 0;
    if (distance > 0) return distance <= WINDOW_AHEAD ? 'fresh' : 'outside';
    if (distance < -WINDOW_BEHIND) return 'outside';
    return (this.#seen & (1 << -distance)) === 0 ? 'fresh' : 'duplicate';
  }

  record(sequence: number): void {
    const distance = (sequence - this.#highest) | 0;
    if (distance <= 0) {
      if (distance >= -WINDOW_BEHIND) this.#seen |= 1 << -distance;
      return;
    }
    this.#seen = distance > WINDOW_BEHIND ? 1 : ((this.#seen << distance) | 1) & 0x1_ffff;
    this.#highest = sequence;
  }
}

/** The number after `sequence`: 0 is skipped when it wraps. Source: IPMI v2.0 section 6.12.9. */
export function nextSequence(sequence: number): number {
  return sequence >= 0xffff_ffff ? 1 : sequence + 1;
}
