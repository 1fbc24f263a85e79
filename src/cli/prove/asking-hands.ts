// Asks the Torpor that runs to sleep and to wake a platform: its guards hold, its streams are held, its hooks run.
import type { ProofHands } from '../../controller/prove-platform.ts';
import { errorText } from '../../platform/errors.ts';
import type { PowerAnswer, PowerDriver, PowerReading } from '../../platform/ports.ts';
import type { FarmEvent, PlatformStatus } from '../../platform/status.ts';
import { SAME_IDENTITY } from '../../power/context/identity-watch.ts';
import { systemClock } from '../../system-clock.ts';
import { type ApiClient, pause } from '../api-client.ts';

const POLL_MS = 200;
/** Beyond its hooks' time-out: send queues, the journal, the drowsy window. */
const SLEEP_MARGIN_MS = 120_000;
const BY_TORPOR = 'the running Torpor';

export interface AskingHandsOptions {
  readonly client: ApiClient;
  readonly platform: string;
  /** Reads only: a session of this process's own. */
  readonly driver: PowerDriver;
  readonly hookTimeoutMs: number;
  readonly wakeTimeoutMs: number;
}

export class AskingHands implements ProofHands {
  readonly wakeMethods = [BY_TORPOR];
  /** Torpor restores what it saved by itself. */
  readonly savesContext = false;
  readonly sleepBoundMs: number;
  readonly #options: AskingHandsOptions;
  #lastEventId = 0;

  constructor(options: AskingHandsOptions) {
    this.#options = options;
    this.sleepBoundMs = options.hookTimeoutMs + SLEEP_MARGIN_MS;
  }

  readPower(signal: AbortSignal): Promise<PowerReading> {
    return this.#options.driver.readPower(signal);
  }

  async prepare(): Promise<string | null> {
    this.#lastEventId = (await this.#options.client.recentEvents()).at(-1)?.id ?? 0;
    return null;
  }

  /** Resolves when it has pressed; refused where a guard forbids it, or where it turned back. */
  async requestSleep(signal: AbortSignal): Promise<PowerAnswer & { readonly pressedAtMs?: number }> {
    const { client, platform } = this.#options;
    try {
      await client.sleep(platform, false);
      for (;;) {
        const status = await client.platform(platform);
        const answer = sleepAnswerOf(status);
        if (answer !== null) return { ...answer, pressedAtMs: systemClock.nowMs() };
        await pause(POLL_MS, signal);
        if (signal.aborted) return { outcome: 'unknown', attempts: [`it is still ${status.state}: ${status.why}`] };
      }
    } catch (thrown) {
      return { outcome: 'refused', attempts: [errorText(thrown)] };
    }
  }

  async requestWake(): Promise<PowerAnswer> {
    const { client, platform } = this.#options;
    try {
      await client.wake(platform);
      return { outcome: 'accepted', attempts: [`asked of ${BY_TORPOR}`] };
    } catch (thrown) {
      return { outcome: 'unknown', attempts: [errorText(thrown)] };
    }
  }

  /** Waits until Torpor has let everybody back in, then reads in its events who woke it and whether memory was lost. */
  async finish(signal: AbortSignal): Promise<Awaited<ReturnType<ProofHands['finish']>>> {
    const { client, platform, hookTimeoutMs, wakeTimeoutMs } = this.#options;
    const bound = AbortSignal.any([signal, AbortSignal.timeout(hookTimeoutMs + wakeTimeoutMs)]);
    let status = await client.platform(platform);
    while (status.state !== 'awake' && status.state !== 'failed' && !bound.aborted) {
      await pause(POLL_MS, bound);
      status = await client.platform(platform);
    }
    const events = (await client.recentEvents()).filter((event) => event.platform === platform);
    const since = events.filter(({ id }) => id > this.#lastEventId);
    const lost = since.some(({ kind, message }) => kind === 'alarm' && message.includes('lost its memory'));
    const problem = status.state === 'awake' ? null : `it is ${status.state}: ${status.why}`;
    const kept = since.some(({ kind, message }) => kind === 'context' && message === SAME_IDENTITY);
    return { identity: lost ? 'changed' : kept ? 'same' : 'unknown', problem, wokeBy: wakerOf(since) };
  }
}

function sleepAnswerOf({ state, why }: PlatformStatus): PowerAnswer | null {
  if (state === 'suspending' || state === 'asleep') return { outcome: 'accepted', attempts: [why] };
  // It was awake when it was asked; that it is again, and not drowsy, means that it turned back.
  if (state === 'awake' || state === 'failed') return { outcome: 'refused', attempts: [`${state}: ${why}`] };
  return null;
}

/** The last method that was not refused. */
function wakerOf(events: readonly FarmEvent[]): string | null {
  const asked = events.filter(({ facts }) => typeof facts.method === 'string' && facts.outcome !== 'refused');
  return (asked.at(-1)?.facts.method as string | undefined) ?? null;
}
