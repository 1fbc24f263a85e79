// What a chunk costs in the module: recorded streams by protocol, and hostile ones. Leaves the timing to chunk-timer.mjs.
import { describeMachine } from '../machine.mjs';
import { ChunkTimer, measureState } from './chunk-timer.mjs';
import { HOSTILE_STREAMS } from './hostile-streams.mjs';
import { CARRIED_TRACES, listSessions } from './sessions.mjs';
import { readConstant } from './variants.mjs';

/** Reads of a session that are timed. */
const MOST_READS = 4000;
/** Of hostile streams so many chunks, or so many bytes where chunks are large. */
const HOSTILE_CHUNKS = 400;
const HOSTILE_BYTES = 1 << 20;
/** All but the last are for the host's compiler. */
const ROUNDS = 3;

/** All of the below, and the sizes of a stream's state. */
export async function measureCosts(sessions, wasm) {
  const detectorBytes = await readConstant({ file: 'state.ts', name: 'DETECTOR_BYTES' });
  return {
    machine: describeMachine(),
    recorded: await measureRecorded(sessions, wasm),
    hostile: await measureHostile(wasm),
    state: { detectorBytes, ...(await measureState(wasm)) },
  };
}

/** Rows per protocol that was told: chunks, median and 95th percentile of nanoseconds, of the client's and the server's. */
async function measureRecorded(sessions, wasm) {
  const timer = await ChunkTimer.load(wasm);
  const samples = new Map();
  for (let round = 0; round < ROUNDS; round += 1) {
    samples.clear();
    for (const session of sessions) timeSession(timer, session, 'auto', samples);
    // The same reads where nothing is judged.
    for (const session of sessions.slice(0, 3)) timeSession(timer, session, 'raw', samples);
  }
  return [...samples]
    .map(([protocol, { client, server }]) => ({ protocol, client: summarise(client), server: summarise(server) }))
    .sort((a, b) => (a.protocol < b.protocol ? -1 : 1));
}

function timeSession(timer, session, hint, samples) {
  const connections = new Map();
  for (const { connection, direction, bytes, atMs } of session.reads().slice(0, MOST_READS)) {
    if (!connections.has(connection)) {
      connections.set(connection, { streams: timer.open(hint, atMs), client: [], server: [] });
    }
    const { streams, [direction]: times } = connections.get(connection);
    times.push(timer.time(streams, direction, bytes, atMs));
  }
  for (const { streams, client, server } of connections.values()) {
    const { protocol } = timer.told(streams);
    if (!samples.has(protocol)) samples.set(protocol, { client: [], server: [] });
    samples.get(protocol).client.push(...client);
    samples.get(protocol).server.push(...server);
    timer.release(streams);
  }
}

/** A row per hostile stream: bytes per chunk, nanoseconds per chunk and per byte, and whether a parser lost its place. */
async function measureHostile(wasm) {
  const timer = await ChunkTimer.load(wasm);
  const carried = listSessions(CARRIED_TRACES);
  let rows = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    rows = HOSTILE_STREAMS.map((hostile) => timeHostile(timer, hostile, carried));
  }
  return rows;
}

function timeHostile(timer, { name, session, protocol = 'auto', opening, chunk }, carried) {
  const reads = session === undefined ? [] : openingOf(carried.find((one) => one.name === session));
  const streams = timer.open(protocol, 0);
  for (const { direction, bytes, atMs } of reads) timer.time(streams, direction, bytes, atMs);
  let now = reads.at(-1)?.atMs ?? 0;
  if (opening !== undefined) timer.time(streams, 'client', opening, now);
  const times = [];
  let bytes = 0;
  for (let index = 0; index < HOSTILE_CHUNKS && bytes < HOSTILE_BYTES; index += 1) {
    now += 1;
    const sent = chunk(index);
    bytes += sent.length;
    times.push(timer.time(streams, 'client', sent, now));
  }
  const told = timer.told(streams);
  timer.release(streams);
  const perByteNs = times.reduce((sum, time) => sum + time, 0) / bytes;
  return { name, ...told, chunkBytes: Math.round(bytes / times.length), perByteNs, ...summarise(times) };
}

/** The first connection until its user may act. */
function openingOf({ labels, reads }) {
  const untilMs = labels.intervals.find(([, , kind]) => kind !== 'setup')[0];
  return reads().filter(({ connection, atMs }) => connection === 0 && atMs < untilMs);
}

function summarise(times) {
  const sorted = times.toSorted((a, b) => a - b);
  const quantile = (share) => sorted[Math.round(share * (sorted.length - 1))];
  return { chunks: sorted.length, medianNs: quantile(0.5) ?? 0, p95Ns: quantile(0.95) ?? 0 };
}
