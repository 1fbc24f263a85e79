// Asks the Torpor that runs to sleep and to wake a platform: its guards hold, its streams are held, its hooks run.
import type { ProofHands } from '../../controller/prove-platform.ts';
import { errorText } from '../../platform/errors.ts';
import type { PowerAnswer, PowerDriver, PowerReading } from '../../platform/ports.ts';
import type { FarmEvent, PlatformStatus } from '../../platform/status.ts';
import { SAME_IDENTITY } from '../../power/context/identity-watch.ts';
import { systemClock } from '../../system-clock.ts';
import { type ApiClient, isUnreachable, pause } from '../api-client.ts';

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

  /** Resolves when it has pressed; refused where a guard forbids it, or where it turned back. Once it was asked, silence is no refusal. */
  async requestSleep(signal: AbortSignal): Promise<PowerAnswer & { readonly pressedAtMs?: number }> {
    const { client, platform } = this.#options;
    try {
      await client.sleep(platform, false);
    } catch (thrown) {
      return { outcome: 'refused', attempts: [errorText(thrown)] };
    }
    for (;;) {
      const look = await this.#look();
      const answer = 'state' in look ? sleepAnswerOf(look) : null;
      if (answer !== null) return { ...answer, pressedAtMs: systemClock.nowMs() };
      if ('problem' in look && !look.mayPass) return { outcome: 'unknown', attempts: [look.problem] };
      await pause(POLL_MS, signal);
      if (signal.aborted) return { outcome: 'unknown', attempts: [lookWords(look)] };
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

  /** Waits until Torpor has let everybody back in, then reads in its events who woke it and whether memory was lost. Does not reject. */
  async finish(signal: AbortSignal): Promise<Awaited<ReturnType<ProofHands['finish']>>> {
    const { hookTimeoutMs, wakeTimeoutMs } = this.#options;
    const bound = AbortSignal.any([signal, AbortSignal.timeout(hookTimeoutMs + wakeTimeoutMs)]);
    let look = await this.#look();
    while (isUnderWay(look) && !bound.aborted) {
      await pause(POLL_MS, bound);
      look = await this.#look();
    }
    if ('problem' in look) return { identity: 'unknown', problem: look.problem, wokeBy: null };
    try {
      return { ...(await this.#readEvents()), problem: look.state === 'awake' ? null : lookWords(look) };
    } catch (thrown) {
      return { identity: 'unknown', problem: errorText(thrown), wokeBy: null };
    }
  }

  async #readEvents(): Promise<Omit<Awaited<ReturnType<ProofHands['finish']>>, 'problem'>> {
    const { client, platform } = this.#options;
    const events = (await client.recentEvents()).filter((event) => event.platform === platform);
    const since = events.filter(({ id }) => id > this.#lastEventId);
    const lost = since.some(({ kind, message }) => kind === 'alarm' && message.includes('lost its memory'));
    const kept = since.some(({ kind, message }) => kind === 'context' && message === SAME_IDENTITY);
    return { identity: lost ? 'changed' : kept ? 'same' : 'unknown', wokeBy: wakerOf(since) };
  }

  async #look(): Promise<Look> {
    const { client, platform } = this.#options;
    try {
      return await client.platform(platform);
    } catch (thrown) {
      return { problem: errorText(thrown), mayPass: isUnreachable(thrown) };
    }
  }
}

/** `mayPass`: a Torpor that starts anew answers again in a moment. */
type Look = PlatformStatus | { readonly problem: string; readonly mayPass: boolean };

function lookWords(look: Look): string {
  return 'problem' in look ? look.problem : `it is ${look.state}: ${look.why}`;
}

function isUnderWay(look: Look): boolean {
  return 'problem' in look ? look.mayPass : look.state !== 'awake' && look.state !== 'failed';
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
