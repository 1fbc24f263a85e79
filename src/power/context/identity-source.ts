// One identity, read once: the output of a command, the body behind a URL, or what a TCP service says first. Comparing is
// identity-watch.ts's.
import { connect } from 'node:net';
import { names } from '../../name-lookup.ts';
import { errorText } from '../../platform/errors.ts';
import { runShellCommand } from '../inband/shell-command.ts';

/** A longer answer is no identity: a page of that size changes for other reasons than lost memory. */
export const IDENTITY_MAX_BYTES = 4096;

/** Where a value is found that changes when memory was lost. `match` picks it out of the text: its first group, or all of it. */
export type IdentitySource = (
  | { readonly kind: 'command'; readonly command: string }
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'banner'; readonly host: string; readonly port: number }
) & { readonly match: string | null };

/** The identity, or why there is none. It is compared and never shown: it may say more than its owner wants to tell. */
export type IdentityReading = { readonly value: string } | { readonly problem: string };

/** Reads once, within the bound. Never rejects: what cannot be read whole is not guessed at. */
export async function readIdentity(
  source: IdentitySource,
  options: { readonly boundMs: number; readonly signal: AbortSignal },
): Promise<IdentityReading> {
  const bound = AbortSignal.timeout(Math.ceil(options.boundMs));
  const signal = AbortSignal.any([options.signal, bound]);
  try {
    const text = await readText(source, options.boundMs, signal);
    return pick(text, source.match);
  } catch (thrown) {
    if (bound.aborted) return { problem: `no answer within ${options.boundMs} ms` };
    return { problem: signal.aborted ? 'was called off' : reasonOf(thrown) };
  }
}

/** For people, without what may be secret in a URL or a command. */
export function describeIdentity(source: IdentitySource): string {
  if (source.kind === 'command') return 'its command';
  return source.kind === 'url' ? new URL(source.url).origin : `the banner of ${source.host}:${source.port}`;
}

function readText(source: IdentitySource, boundMs: number, signal: AbortSignal): Promise<string> {
  switch (source.kind) {
    case 'command':
      return readCommand(source.command, boundMs, signal);
    case 'url':
      return readUrl(source.url, signal);
    case 'banner':
      return readBanner(source.host, source.port, signal);
  }
}

async function readCommand(command: string, boundMs: number, signal: AbortSignal): Promise<string> {
  const { exitCode, stdout, problem } = await runShellCommand(command, { boundMs, signal });
  if (exitCode !== 0) throw new Error(problem === null ? `exit code ${exitCode}` : problem);
  return stdout;
}

async function readUrl(url: string, signal: AbortSignal): Promise<string> {
  const response = await fetch(url, { signal, redirect: 'error' });
  if (response.status !== 200 || response.body === null) {
    await response.body?.cancel();
    throw new Error(`HTTP status ${response.status}`);
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > IDENTITY_MAX_BYTES) throw new Error(`more than ${IDENTITY_MAX_BYTES} bytes`);
  }
  return Buffer.concat(chunks).toString();
}

/**
 * Whole lines only: a service may send its first line in pieces, and half an identity looks like another one. What ends without
 * a line break is whole, too.
 */
function readBanner(host: string, port: number, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true, lookup: names.lookup });
    let text = '';
    const end = (finish: () => void) => {
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      finish();
    };
    const onAbort = () => end(() => reject(new Error('was called off')));
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    socket.on('error', (error) => end(() => reject(error)));
    socket.on('end', () => end(() => resolve(text)));
    socket.on('close', () => end(() => reject(new Error('the service closed the connection'))));
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (text.length > IDENTITY_MAX_BYTES) {
        end(() => reject(new Error(`more than ${IDENTITY_MAX_BYTES} bytes without a line break`)));
      } else if (text.includes('\n')) end(() => resolve(text.slice(0, text.lastIndexOf('\n'))));
    });
  });
}

function pick(text: string, match: string | null): IdentityReading {
  const found = match === null ? text : new RegExp(match, 'm').exec(text);
  if (found === null) return { problem: 'what was read does not match' };
  const value = (typeof found === 'string' ? found : (found[1] ?? found[0])).trim();
  return value === '' ? { problem: 'what was read is empty' } : { value };
}

/** `fetch` hides the reason in the cause. */
function reasonOf(thrown: unknown): string {
  const cause = thrown instanceof TypeError ? thrown.cause : undefined;
  return errorText(cause ?? thrown);
}
