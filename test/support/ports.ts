// Free TCP ports for programs that must be told theirs. They lie below the ephemeral range: no client's own end takes them.
import { createServer } from 'node:net';

const FIRST_PORT = 25_600;
const LAST_PORT = 31_999;
const MAX_TRIES = 200;

const given = new Set<number>();

/** A port of 127.0.0.1 that was free a moment ago and that this process has not been given before. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT + 1));
    if (given.has(port)) continue;
    if (await isPortFree(port)) {
      given.add(port);
      return port;
    }
  }
  throw new Error(`no free port on 127.0.0.1 between ${FIRST_PORT} and ${LAST_PORT} in ${MAX_TRIES} tries`);
}

export async function isPortFree(port: number): Promise<boolean> {
  const server = createServer();
  const bound = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => resolve(true));
  });
  if (bound) await new Promise<void>((resolve) => server.close(() => resolve()));
  return bound;
}
