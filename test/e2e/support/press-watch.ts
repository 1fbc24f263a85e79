// Whom each press of the power button found: what every client had sent by then, and what Torpor's own table said of it.
import type { StreamStatus } from '../../../src/platform/ports.ts';
import type { SimulatedHost } from '../../../src/power/simulated/simulated-host.ts';
import type { LineClient } from '../../support/line-client.ts';
import type { TorporApi } from '../../support/torpor-api.ts';

export interface PressWatchOptions {
  readonly host: SimulatedHost;
  /** Every client that a test ever connected, and every Torpor that it started. */
  readonly clients: readonly LineClient[];
  readonly torpors: readonly TorporApi[];
  readonly idleTimeoutMs: () => number;
  /** How long the press was on its way. */
  readonly travelMs: () => number;
}

export class PressWatch {
  readonly #options: PressWatchOptions;
  readonly #looks: Array<Promise<string[]>> = [];

  constructor(options: PressWatchOptions) {
    this.#options = options;
    options.host.onPress(() => this.#looks.push(this.#look()));
  }

  /** Presses so far. */
  get presses(): number {
    return this.#looks.length;
  }

  /** Who was active when a press left Torpor, in words: nobody, where all is well. */
  async overActive(): Promise<string[]> {
    return (await Promise.all(this.#looks)).flat();
  }

  /** All that is not told by somebody else is written down at once; a Torpor in another process is asked at once. */
  #look(): Promise<string[]> {
    const { clients, torpors, idleTimeoutMs, travelMs } = this.#options;
    const atMs = Date.now() - travelMs();
    const fromMs = atMs - idleTimeoutMs();
    const senders = clients.flatMap((client, index) => {
      const sentMs = client.state === 'open' ? client.lastSentMs(atMs) : null;
      return sentMs === null || sentMs <= fromMs ? [] : [`client ${index} sent ${atMs - sentMs} ms before the press`];
    });
    const tables = torpors.map(async (torpor) => activeAt(await answerOf(torpor), atMs));
    return Promise.all(tables).then((told) => [...senders, ...told.flat()]);
  }
}

/** One that has ended, or was killed meanwhile, says nothing. */
async function answerOf(torpor: TorporApi): Promise<StreamStatus[]> {
  try {
    return await torpor.streamsNow();
  } catch {
    return [];
  }
}

/** In the pool already when the press left. */
function activeAt(streams: readonly StreamStatus[], atMs: number): string[] {
  const active = streams.filter(({ active, lastActiveAtMs }) => active && lastActiveAtMs <= atMs);
  return active.map(({ client, lastActiveWhy }) => `${client} is in the pool: ${lastActiveWhy}`);
}
