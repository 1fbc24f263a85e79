// Traffic over many streams at once, both ways, in random chunks, past readers that dawdle; every byte that arrives is compared.
import type { Socket } from 'node:net';
import { noise } from './socket-reader.ts';

/** No reader begins before, so that everything on the way is full first. Milliseconds. */
const HEAD_START_MS = 400;
/** Odd, so that a chunk never lies at the same place of the pattern twice in a row. */
const PATTERN_BYTES = 1024 * 1024 + 7;

export interface TrafficOptions {
  /** Both ends of each stream. */
  readonly pairs: ReadonlyArray<readonly [Socket, Socket]>;
  /** Of all streams and both ways together. */
  readonly totalBytes: number;
  readonly seed: number;
}

export interface TrafficResult {
  readonly comparedBytes: number;
  /** Reads in which a byte was not the one that was sent. */
  readonly wrongReads: number;
}

/** Resolves when every direction has received as many bytes as were sent. */
export async function runTraffic(options: TrafficOptions): Promise<TrafficResult> {
  const random = makeRandom(options.seed);
  const eachBytes = Math.ceil(options.totalBytes / (options.pairs.length * 2));
  const ways = options.pairs.flatMap(([one, other]) => [
    [one, other],
    [other, one],
  ]);
  const results = await Promise.all(
    ways.map(([from, to], index) => {
      const pattern = noise(PATTERN_BYTES, options.seed + index);
      send(from as Socket, pattern, eachBytes, random);
      return compare(to as Socket, pattern, eachBytes, random);
    }),
  );
  return {
    comparedBytes: results.reduce((sum, { comparedBytes }) => sum + comparedBytes, 0),
    wrongReads: results.reduce((sum, { wrongReads }) => sum + wrongReads, 0),
  };
}

/** A third of the chunks are keystrokes, a third screen updates, a third pieces of a transfer. */
function chunkBytes(random: (below: number) => number): number {
  return 1 + random([200, 20_000, 300_000][random(3)] as number);
}

function send(socket: Socket, pattern: Buffer, totalBytes: number, random: (below: number) => number): void {
  let sent = 0;
  const next = () => {
    while (sent < totalBytes) {
      const at = sent % PATTERN_BYTES;
      const end = Math.min(at + chunkBytes(random), PATTERN_BYTES, at + totalBytes - sent);
      sent += end - at;
      if (!socket.write(pattern.subarray(at, end))) {
        socket.once('drain', next);
        return;
      }
    }
  };
  next();
}

function compare(
  socket: Socket,
  pattern: Buffer,
  totalBytes: number,
  random: (below: number) => number,
): Promise<TrafficResult> {
  let received = 0;
  let wrongReads = 0;
  return new Promise((resolve, reject) => {
    socket.pause();
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`closed after ${received} of ${totalBytes} bytes`)));
    setTimeout(() => socket.resume(), HEAD_START_MS);
    socket.on('data', (chunk: Buffer) => {
      if (!matches(chunk, pattern, received)) wrongReads += 1;
      received += chunk.length;
      if (received >= totalBytes) {
        resolve({ comparedBytes: received, wrongReads });
      } else if (random(3) === 0) {
        socket.pause();
        setTimeout(() => socket.resume(), random(30));
      }
    });
  });
}

function matches(chunk: Buffer, pattern: Buffer, position: number): boolean {
  for (let at = 0; at < chunk.length; ) {
    const from = (position + at) % PATTERN_BYTES;
    const bytes = Math.min(chunk.length - at, PATTERN_BYTES - from);
    if (chunk.compare(pattern, from, from + bytes, at, at + bytes) !== 0) return false;
    at += bytes;
  }
  return true;
}

/** Numbers below a bound from a seed: a linear congruence, of which the high bits are used. */
export function makeRandom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
