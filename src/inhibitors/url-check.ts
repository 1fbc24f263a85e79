// A check that is an address: JSON {"busy": …, "why": …} says it, else the status: 2xx free, 409 or 423 busy, anything else no answer.
import type { BusyCheck, CheckRule, CheckVerdict } from './busy-check.ts';
import { reasonOf } from './reason.ts';

/** Of an answer; what is longer is no answer. */
const MAX_BODY_BYTES = 64 * 1024;
/** RFC 9110 section 15.5.10, RFC 4918 section 11.3: the state of the thing stands against it; it is locked. */
const BUSY_STATUSES: readonly number[] = [409, 423];

export interface UrlCheckOptions extends CheckRule {
  readonly name: string;
  readonly url: string;
}

export class UrlCheck implements BusyCheck {
  readonly by = 'check';
  readonly names: readonly string[];
  readonly rule: CheckRule;
  readonly #options: UrlCheckOptions;

  constructor(options: UrlCheckOptions) {
    this.#options = options;
    this.names = [options.name];
    this.rule = options;
  }

  async ask(signal: AbortSignal): Promise<readonly CheckVerdict[]> {
    const { name, url } = this.#options;
    const response = await fetchAnswer(url, signal);
    const text = await readBounded(response);
    return [{ name, ...judge(response, text) }];
  }
}

/** A redirect is no answer: it leads to a login page more often than to the check. */
async function fetchAnswer(url: string, signal: AbortSignal): Promise<Response> {
  try {
    return await fetch(url, { signal, redirect: 'manual', headers: { accept: 'application/json, text/plain' } });
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    const { message, cause } = thrown as Error;
    throw new Error(cause instanceof Error ? cause.message : message, { cause: thrown });
  }
}

function judge(response: Response, text: string): Omit<CheckVerdict, 'name'> {
  const isJson = (response.headers.get('content-type') ?? '').includes('json');
  if (isJson && response.ok) return judgeJson(text);
  const why = reasonOf(text.split('\n', 1)[0] ?? '');
  if (response.ok) return { outcome: 'free', why };
  if (BUSY_STATUSES.includes(response.status)) return { outcome: 'busy', why: why === '' ? 'busy' : why };
  throw new Error(`status ${response.status}`);
}

function judgeJson(text: string): Omit<CheckVerdict, 'name'> {
  const answer = JSON.parse(text) as { busy?: unknown; why?: unknown } | null;
  if (typeof answer !== 'object' || typeof answer?.busy !== 'boolean')
    throw new Error('its JSON has no "busy": true or false');
  const why = typeof answer.why === 'string' ? reasonOf(answer.why) : '';
  if (!answer.busy) return { outcome: 'free', why };
  return { outcome: 'busy', why: why === '' ? 'busy' : why };
}

async function readBounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += (chunk as Uint8Array).length;
    if (bytes > MAX_BODY_BYTES) throw new Error(`its answer is longer than ${MAX_BODY_BYTES / 1024} KiB`);
    chunks.push(chunk as Uint8Array);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}
