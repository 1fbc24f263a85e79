// Which way a piece of a stream takes over a link: as it is, fast or high compression. By measured speeds and ratios, so that the piece
// is through the encoder and the link soonest. Pure; one for each direction of a stream.
import type { Effort } from '../core/link-codec.ts';

/** The share of its time that a process may spend in encoders and still have the link as its bottleneck. */
const MAX_BUSY_SHARE = 0.6;
/** Over so long it is measured, and a quarter of each measurement counts. */
const BUSY_SPAN_MS = 20;

/** What the encoders of a link do, measured by whoever runs them; all its streams share one. */
export class EncoderSpeeds {
  /** Milliseconds a byte; what this module does on a slow machine, until it was measured. */
  readonly #msPerByte = { aside: 0, fast: 1 / 250_000, high: 1 / 20_000 };

  #busyMs = 0;
  #busySinceMs = 0;
  #busyShare = 0;

  msPerByte(effort: Effort): number {
    return this.#msPerByte[effort];
  }

  /** The processor has time for more than it does: what takes longer to encode is not sent later for that. */
  get hasTime(): boolean {
    return this.#busyShare < MAX_BUSY_SHARE;
  }

  note(effort: Effort, bytes: number, tookMs: number, nowMs: number): void {
    this.#busyMs += tookMs;
    const spanMs = nowMs - this.#busySinceMs;
    if (spanMs >= BUSY_SPAN_MS) {
      this.#busyShare += (Math.min(1, this.#busyMs / spanMs) - this.#busyShare) / 4;
      this.#busyMs = 0;
      this.#busySinceMs = nowMs;
    }
    // A short piece tells the clock's grain.
    if (bytes < 4096 || effort === 'aside') return;
    const known = this.#msPerByte[effort];
    // Now and then somebody else has the processor in between: what is much slower than before tells little.
    const measured = Math.min(tookMs / bytes, known * 3);
    this.#msPerByte[effort] = known + (measured - known) / (measured < known ? 4 : 64);
  }
}

/** What a byte on the wire costs both ends beyond the line: TLS, twice, and the system calls. */
const WIRE_MS_PER_BYTE = 1 / 250_000;
/** A stream that did not shrink is tried again after so many pieces; the pause doubles up to the second. */
const FIRST_PAUSE_PIECES = 4;
const LONGEST_PAUSE_PIECES = 256;
/** A piece has shrunk where it saves more than a fiftieth. */
const SHRUNK = 0.98;
/** That so few bytes do not shrink says nothing of the stream. */
const SHORT_BYTES = 256;
/** One piece in so many tells what the other encoder would do. */
const TRIAL_PIECES = 64;

export class EffortChoice {
  readonly #speeds: EncoderSpeeds;
  /** Compressed to raw, as seen last; before that what text does. */
  readonly #ratio = { fast: 0.5, high: 0.4 };
  #pauseLeft = 0;
  #pausePieces = FIRST_PAUSE_PIECES;
  #untilTrial = TRIAL_PIECES;

  constructor(speeds: EncoderSpeeds) {
    this.#speeds = speeds;
  }

  /** `linkBytesPerMs`: infinite where the streams do not fill the link. `isBulk`: more waits behind this piece. */
  choose(linkBytesPerMs: number, isBulk: boolean): Effort {
    if (this.#pauseLeft > 0) {
      this.#pauseLeft -= 1;
      return 'aside';
    }
    if (!Number.isFinite(linkBytesPerMs)) return 'fast';
    const costs = {
      aside: 1 / linkBytesPerMs + WIRE_MS_PER_BYTE,
      fast: this.#cost('fast', linkBytesPerMs),
      high: Infinity,
    };
    if (isBulk && this.#speeds.hasTime) costs.high = this.#cost('high', linkBytesPerMs);
    if (costs.high < costs.fast && costs.high < costs.aside) return this.#withTrial('high');
    return costs.fast < costs.aside ? 'fast' : this.#withTrial('aside');
  }

  note(effort: Effort, rawBytes: number, codedBytes: number): void {
    if (effort === 'aside') return;
    const ratio = codedBytes / rawBytes;
    if (rawBytes < SHORT_BYTES && ratio >= SHRUNK) return;
    this.#ratio[effort] += (ratio - this.#ratio[effort]) / 8;
    // What the one does tells about the other.
    if (effort === 'fast') this.#ratio.high = Math.min(this.#ratio.high, this.#ratio.fast);
    else this.#ratio.fast = Math.max(this.#ratio.high, this.#ratio.fast);
    if (ratio < SHRUNK) {
      this.#pausePieces = FIRST_PAUSE_PIECES;
      return;
    }
    this.#pauseLeft = this.#pausePieces;
    this.#pausePieces = Math.min(LONGEST_PAUSE_PIECES, this.#pausePieces * 2);
  }

  #cost(effort: 'fast' | 'high', linkBytesPerMs: number): number {
    return this.#speeds.msPerByte(effort) + this.#ratio[effort] * (1 / linkBytesPerMs + WIRE_MS_PER_BYTE);
  }

  #withTrial(effort: Effort): Effort {
    this.#untilTrial -= 1;
    if (this.#untilTrial > 0 || effort === 'high') return effort;
    this.#untilTrial = TRIAL_PIECES;
    return 'fast';
  }
}
