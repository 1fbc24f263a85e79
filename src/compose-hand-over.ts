// Part of the composition root: a running Torpor leaves its listeners and platforms to another one, or follows one that did.
import type { LinkFront } from './compose-link.ts';
import { RETIRE_BOUND_MS, type RunningPlatform } from './compose-platform.ts';
import { type EventLog, NO_PLATFORM } from './history/event-log.ts';
import type { Logger } from './platform/ports.ts';
import { type FlowRecord, type FlowSocket, LeavingFlows, MAX_LEFT_SOCKETS } from './streams/datagrams/flow-record.ts';
import type { PassedSocket } from './streams/inherited-sockets.ts';
import { systemClock } from './system-clock.ts';

/** Platforms on their way to sleep or back have this long to arrive; then nothing is handed over. */
export const SETTLE_BOUND_MS = 2 * 60_000;
/** Between two looks at whether streams are left. */
const DRAIN_LOOK_MS = 1_000;

/** How one that has handed over asks the other one for a sleeper. */
export type AskWake = (platform: string) => void;

export interface HandOverOptions {
  readonly platforms: readonly RunningPlatform[];
  readonly link: LinkFront;
  readonly events: EventLog;
  readonly log: Logger;
  readonly onFormerEnded: () => void;
  /** What may be there once only: the API, whatever has a file open. */
  readonly closeFace: () => Promise<void>;
  readonly openFace: () => Promise<void>;
}

export class HandOver {
  readonly #options: HandOverOptions;
  #isFaceClosed = false;
  #flowSockets: readonly FlowSocket[] = [];

  constructor(options: HandOverOptions) {
    this.#options = options;
  }

  /** The listeners' sockets, in no particular order. */
  get sockets(): PassedSocket[] {
    return this.#options.platforms.flatMap(({ streams }) => [...streams.sockets]);
  }

  /** Of flows of datagrams: their descriptors, as of now. `leave` says which of them are whose. */
  takeFlowSockets(): number[] {
    const sockets = this.#options.platforms.flatMap(({ streams }) => streams.flowSockets);
    this.#flowSockets = sockets.slice(0, MAX_LEFT_SOCKETS);
    return this.#flowSockets.flatMap(({ fd }) => fd ?? []);
  }

  /**
   * From now on it takes no clients, presses nothing, writes nothing. Resolves with the flows of datagrams that are to go on elsewhere. Rejects where
   * that is not possible now, and all is as it was, but for those flows, which begin anew.
   */
  async leave(askWake: AskWake): Promise<readonly FlowRecord[]> {
    const { platforms, closeFace } = this.#options;
    const flows = new LeavingFlows(this.#flowSockets);
    try {
      // All of them first, so that few have to come back where one does not settle.
      await Promise.all(platforms.map((platform) => platform.settled(SETTLE_BOUND_MS)));
      for (const platform of platforms) await platform.handOver(SETTLE_BOUND_MS, () => askWake(platform.name), flows);
      this.#options.link.leave();
      this.#isFaceClosed = true;
      await closeFace();
      return flows.records;
    } catch (thrown) {
      await this.takeBack();
      throw thrown;
    }
  }

  /** The other one did not come up. */
  async takeBack(): Promise<void> {
    const { platforms, log, openFace } = this.#options;
    for (const platform of platforms) {
      for (const problem of await platform.takeBack()) log.error({ platform: platform.name }, problem);
    }
    if (this.#isFaceClosed) {
      for (const problem of await this.#options.link.takeBack()) log.error({}, problem);
      await openFace();
    }
    this.#isFaceClosed = false;
    this.#tell('alarm', 'nothing was handed over: this Torpor goes on');
  }

  /** Resolves when no stream is left, at RETIRE_BOUND_MS, or when the signal aborts. */
  async drained(signal: AbortSignal): Promise<void> {
    const { platforms, link } = this.#options;
    const endMs = systemClock.nowMs() + RETIRE_BOUND_MS;
    // A stream of the link is over here when its last bytes are the link's.
    const isBusy = () => link.isBusy || platforms.some(({ hasStreams }) => hasStreams);
    while (!signal.aborted && systemClock.nowMs() < endMs && isBusy()) {
      await new Promise<void>((resolve) => {
        const end = () => {
          clearTimeout(timer);
          signal.removeEventListener('abort', end);
          resolve();
        };
        const timer = setTimeout(end, DRAIN_LOOK_MS);
        signal.addEventListener('abort', end, { once: true });
      });
    }
  }

  /** The one before has ended: its streams keep nothing awake any more. */
  formerEnded(): void {
    this.#options.onFormerEnded();
    for (const platform of this.#options.platforms) platform.formerEnded();
    this.#tell('config', 'the Torpor before this one has ended');
  }

  /** The one before has a stream that needs its sleeper. */
  wakeForFormer(name: string): void {
    const platform = this.#options.platforms.find((each) => each.name === name);
    const vm = platform?.config.vms[0]?.name ?? '';
    platform?.controller.dispatch({ kind: 'activity', vm, why: 'a stream of the Torpor before this one' });
  }

  #tell(kind: string, message: string): void {
    this.#options.log.info({}, message);
    this.#options.events.append(NO_PLATFORM, kind, message, {});
  }
}
