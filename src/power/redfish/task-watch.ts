// What becomes of an action that a BMC took on as a task (HTTP 202): its monitor is asked within bounds. The deed itself is never repeated.
import { TorporError } from '../../platform/errors.ts';
import type { Clock } from '../../platform/ports.ts';
import { pause } from './abortable.ts';
import { readMessages } from './extended-info.ts';
import type { HttpAnswer } from './http-port.ts';
import { type JsonObject, parseJsonObject, textField } from './json-document.ts';
import type { RedfishClient } from './redfish-client.ts';
import { statusError } from './redfish-error.ts';
import { linkOf, toPath } from './service-link.ts';

/** done, failed (the BMC says so), or running: nothing more was learned within the bound. */
export interface TaskEnd {
  readonly state: 'done' | 'failed' | 'running';
  /** For people: `task Exception: …`. */
  readonly words: string;
}

export interface TaskBounds {
  /** In all, milliseconds. */
  readonly watchMs: number;
  /** Between two looks where the BMC names no time, milliseconds. */
  readonly everyMs: number;
}

export const DEFAULT_TASK_BOUNDS: TaskBounds = { watchMs: 10_000, everyMs: 1_000 };
const MIN_PAUSE_MS = 200;

const DONE = ['Completed'];
const FAILED = ['Exception', 'Killed', 'Cancelled', 'Interrupted'];

export async function watchTask(
  client: RedfishClient,
  taken: HttpAnswer,
  clock: Clock,
  bounds: TaskBounds,
  signal: AbortSignal,
): Promise<TaskEnd> {
  const first = bodyOf(taken);
  // The monitor answers 202 until the task is over; the task itself, 200 with its state. Either will do.
  const path = toPath(taken.headers.location) ?? toPath(textField(first, 'TaskMonitor')) ?? linkOf(first);
  const early = endOf(client, first);
  if (early !== null) return early;
  if (path === null) return { state: 'running', words: 'taken on as a task that the BMC does not name' };
  const deadlineMs = clock.nowMs() + bounds.watchMs;
  let answer = taken;
  for (;;) {
    const pauseMs = Math.max(MIN_PAUSE_MS, retryAfterMs(answer) ?? bounds.everyMs);
    if (signal.aborted || clock.nowMs() + pauseMs > deadlineMs) break;
    await pause(clock, pauseMs, signal);
    if (signal.aborted) break;
    try {
      answer = await client.look(path, signal);
    } catch (thrown) {
      if (!(thrown instanceof TorporError)) throw thrown;
      return { state: 'running', words: `taken on as a task, of which no more is known: ${thrown.message}` };
    }
    const end = readLook(client, answer, path);
    if (end !== null) return end;
  }
  return { state: 'running', words: 'taken on as a task that still runs' };
}

function readLook(client: RedfishClient, answer: HttpAnswer, path: string): TaskEnd | null {
  if (answer.status === 202) return endOf(client, bodyOf(answer));
  if (answer.status === 404 || answer.status === 410)
    return { state: 'running', words: 'taken on as a task that the BMC has forgotten' };
  if (answer.status === 503 || answer.status === 429) return null;
  if (answer.status >= 400) {
    const { message } = statusError(`task ${path}`, answer, (text) => client.scrub(text));
    return { state: 'failed', words: message };
  }
  const body = bodyOf(answer);
  const isTask = textField(body, 'TaskState') !== null;
  return isTask ? endOf(client, body) : { state: 'done', words: 'task done' };
}

/** Null while it runs. */
function endOf(client: RedfishClient, task: JsonObject): TaskEnd | null {
  const state = textField(task, 'TaskState') ?? '';
  const said = readMessages(task, (text) => client.scrub(text)).text;
  if (DONE.includes(state)) return { state: 'done', words: 'task done' };
  if (FAILED.includes(state)) return { state: 'failed', words: `task ${state}${said === '' ? '' : `: ${said}`}` };
  return null;
}

function retryAfterMs(answer: HttpAnswer): number | null {
  const seconds = answer.headers['retry-after']?.trim() ?? '';
  return /^\d{1,6}$/.test(seconds) ? Number(seconds) * 1000 : null;
}

function bodyOf(answer: HttpAnswer): JsonObject {
  try {
    return parseJsonObject(answer.body, '');
  } catch {
    return {};
  }
}
