// Waiting for a platform to reach a state that was asked for, and telling the end of it. Asking is the commands' business.
import { TorporError } from '../platform/errors.ts';
import type { PlatformStatus, StateName } from '../platform/status.ts';
import { formatDuration } from '../platform/units.ts';
import { type ApiClient, pause } from './api-client.ts';
import { type CliIo, printJson, printLines } from './cli-io.ts';
import { type ClientOptions, readDurationMs } from './command-options.ts';
import { showProgress } from './progress.ts';
import { plainText } from './style.ts';

export interface ChangeOptions extends ClientOptions {
  readonly wait?: boolean;
  readonly timeout: string;
}

export interface StateWait {
  readonly client: ApiClient;
  /** As it was before the change was asked for. */
  readonly before: PlatformStatus;
  readonly goal: 'awake' | 'asleep';
  readonly options: ChangeOptions;
  readonly io: CliIo;
}

const POLL_MS = 250;

/**
 * Polls until the goal is reached and gives the status then. Throws ERR_PLATFORM_STATE where the platform failed, turned
 * back, or did not get there in time.
 */
export async function waitForState(wait: StateWait): Promise<PlatformStatus> {
  const { client, before, goal, io } = wait;
  const boundMs = readDurationMs(wait.options.timeout);
  const startedAt = performance.now();
  const stop = new AbortController();
  const forget = io.onStopSignal(() => stop.abort());
  let last: PlatformStatus = before;
  let moved = false;
  const endProgress = wait.options.json
    ? () => {}
    : showProgress(io, () => `${before.name} is ${last.state}, waiting for ${goal}`);
  try {
    for (;;) {
      const now = await client.platform(before.name);
      if (now.state !== last.state) tellStep(now, wait);
      moved ||= now.state !== before.state || now.sinceMs !== before.sinceMs;
      last = now;
      if (now.state === goal) return now;
      if (hasGivenUp(now, before, goal, moved)) throw stateError(now, `did not become ${goal}: ${now.why}`);
      if (performance.now() - startedAt > boundMs) {
        const waited = formatDuration(boundMs);
        throw stateError(now, `is ${now.state} after ${waited}: ${now.why}; torpor explain ${now.name} tells more`);
      }
      await pause(POLL_MS, stop.signal);
      if (stop.signal.aborted) throw stateError(now, `is ${now.state}; the wait for ${goal} was interrupted`);
    }
  } finally {
    endProgress();
    forget();
  }
}

/** A failure, or the way back: what was asked for is not under way any more. */
function hasGivenUp(now: PlatformStatus, before: PlatformStatus, goal: StateName, moved: boolean): boolean {
  if (now.failures > before.failures) return true;
  if (now.state === 'failed') return moved;
  return goal === 'asleep' && moved && now.state === 'awake';
}

/** The end of a change, for people or as JSON. */
export function reportChange(status: PlatformStatus, options: ClientOptions, io: CliIo, what: string): void {
  if (options.json) printJson(io, status);
  else printLines(io, `${status.name} ${what}: ${plainText(status.why)}`);
}

function tellStep(status: PlatformStatus, wait: StateWait): void {
  if (!wait.options.json && status.state !== wait.goal) {
    printLines(wait.io, `${status.name} is ${status.state}: ${plainText(status.why)}`);
  }
}

function stateError(status: PlatformStatus, what: string): TorporError {
  return new TorporError('ERR_PLATFORM_STATE', `${status.name} ${plainText(what)}`);
}
