// `fetch` over TLS that trusts one file of authorities and nothing else: what Node's own cannot be told. Redirects are not followed.
import { readFileSync } from 'node:fs';
import { type RequestOptions, request } from 'node:https';
import { Readable } from 'node:stream';
import { errorText, TorporError } from '../platform/errors.ts';

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Throws ERR_CLI_USAGE where the file cannot be read or holds no certificate. `source` names it for people. */
export function pinnedFetch(path: string, source: string): Fetch {
  const ca = readPem(path, source);
  return (url, init) =>
    new Promise((resolve, reject) => {
      const options: RequestOptions = {
        ca,
        method: init.method ?? 'GET',
        headers: init.headers as Record<string, string>,
      };
      const question = request(url, init.signal ? { ...options, signal: init.signal } : options, (answer) => {
        const headers = Object.entries(answer.headers).flatMap(([name, value]): [string, string][] =>
          value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]],
        );
        const status = answer.statusCode ?? 500;
        const body = status === 204 || status === 304 ? null : (Readable.toWeb(answer) as ReadableStream);
        resolve(new Response(body, { status, headers }));
      });
      question.on('error', reject);
      question.end(init.body ?? undefined);
    });
}

function readPem(path: string, source: string): string {
  try {
    const pem = readFileSync(path, 'latin1');
    if (pem.includes('-----BEGIN CERTIFICATE-----')) return pem;
  } catch (error) {
    throw new TorporError('ERR_CLI_USAGE', `${source}: ${path} cannot be read: ${errorText(error)}`, { cause: error });
  }
  throw new TorporError('ERR_CLI_USAGE', `${source}: ${path} holds no certificate: name a PEM file`);
}
