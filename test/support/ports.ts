// Free TCP ports for programs that must be told theirs. They lie below the ephemeral range, where no client's own end takes them, and
// below those of the rig's platforms and of simulated VMs, which pick theirs at random (from 26000).
// Between a port's choice and its use it is free, so each process chooses from a block that no other process chooses from.
import { createServer, type Server } from 'node:net';

/** The rig's platforms have the ports from here on. */
export const RIG_BASE_PORT = 21_000;
const BLOCKS = 200;
/** The first of a block is its claim: held, never given. */
const BLOCK_PORTS = 32;
const FIRST_PORT = RIG_BASE_PORT - BLOCKS * BLOCK_PORTS;

/** What is left of this process's block. Its claim ends with the process. */
let left: number[] = [];
/** One after the other: two that ask at once get two ports. */
let asked: Promise<unknown> = Promise.resolve();

/** A port of 127.0.0.1 that was free a moment ago and that neither this process nor another that asks here has been given. */
export function freePort(): Promise<number> {
  const port = asked.then(choosePort);
  asked = port.catch(() => {});
  return port;
}

async function choosePort(): Promise<number> {
  for (;;) {
    if (left.length === 0) left = await claimBlock();
    const port = left.shift();
    // What a killed test has left behind may still have one.
    if (port !== undefined && (await isPortFree(port))) return port;
  }
}

async function claimBlock(): Promise<number[]> {
  const begin = Math.floor(Math.random() * BLOCKS);
  for (let tries = 0; tries < BLOCKS; tries += 1) {
    const first = FIRST_PORT + ((begin + tries) % BLOCKS) * BLOCK_PORTS;
    const claim = await bind(first);
    if (claim === null) continue;
    claim.unref();
    return Array.from({ length: BLOCK_PORTS - 1 }, (_, index) => first + 1 + index);
  }
  throw new Error(`all ${BLOCKS} blocks of ports on 127.0.0.1 from ${FIRST_PORT} are claimed`);
}

export async function isPortFree(port: number): Promise<boolean> {
  const server = await bind(port);
  if (server !== null) await new Promise<void>((resolve) => server.close(() => resolve()));
  return server !== null;
}

/** Null where somebody has it. */
function bind(port: number): Promise<Server | null> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(null));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => resolve(server));
  });
}
