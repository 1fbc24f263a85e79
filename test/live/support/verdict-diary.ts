// What Torpor said about its streams while a test ran: each new verdict with its moment. For failures and reports only.
import type { StreamStatus } from '../../../src/platform/ports.ts';
import type { TorporProcess } from '../../support/torpor-process.ts';

const LOOK_EVERY_MS = 50;
const MAX_LINES = 400;
const SHOWN_LINES = 60;

export class VerdictDiary {
  readonly #torpor: TorporProcess;
  readonly #timer: NodeJS.Timeout;
  readonly #startMs = performance.now();
  readonly #last = new Map<string, string>();
  #lines: string[] = [];
  #looking = false;

  constructor(torpor: TorporProcess) {
    this.#torpor = torpor;
    this.#timer = setInterval(() => void this.#look(), LOOK_EVERY_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** The last verdicts, oldest first. */
  text(): string {
    return `--- verdicts, seconds since the start\n${this.#lines.slice(-SHOWN_LINES).join('\n')}`;
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      for (const stream of await this.#torpor.streams()) this.#note(stream);
    } catch {
      // Torpor is not up, or not any more
    } finally {
      this.#looking = false;
    }
  }

  /** One line for each change of what the client sent or of what it was taken for. */
  #note({ id, active, mode, speaks, verdict, bytesFromClient, bytesToClient }: StreamStatus): void {
    const now = `${mode} ${active ? 'ACTIVE' : 'idle  '} ${speaks} up ${bytesFromClient}: ${verdict}`;
    if (this.#last.get(id) === now) return;
    this.#last.set(id, now);
    const atS = ((performance.now() - this.#startMs) / 1000).toFixed(2);
    this.#lines.push(`${atS.padStart(7)} ${id} ${now} (down ${bytesToClient})`);
    if (this.#lines.length > MAX_LINES) this.#lines = this.#lines.slice(-MAX_LINES / 2);
  }
}
