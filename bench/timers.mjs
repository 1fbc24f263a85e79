// The touch of an idle timer per chunk: `observe` of the core against `setTimeout(...).refresh()`, which is what Node offers.
import { loadCore } from '../dist/core/stream-core.js';
import { measure } from './measure.mjs';

const IDLE_TIMEOUT_MS = 600_000;
const CHUNK_BYTES = 64;

/** One row per number of streams and rival. One operation touches every stream once. */
export async function benchTimers({ seconds, streamCounts }) {
  const rows = [];
  for (const streams of streamCounts) {
    const touches = await prepare(streams);
    for (const row of measure(touches.runs, { seconds })) {
      rows.push({
        subject: 'timer touch',
        corpus: `${streams} streams`,
        ...row,
        value: (row.operationsPerSecond * streams) / 1e6,
        unit: 'M/s',
      });
    }
    touches.end();
  }
  return rows;
}

async function prepare(streams) {
  const core = await loadCore({ maxStreams: streams });
  const chunk = new Uint8Array(CHUNK_BYTES);
  const handles = Array.from({ length: streams }, () => core.openStream(IDLE_TIMEOUT_MS, 0, { protocol: 'raw' }));
  const timeouts = handles.map(() => setTimeout(() => {}, IDLE_TIMEOUT_MS));
  let now = 0;
  return {
    runs: {
      'torpor observe (copies and counts 64 bytes too)': () => {
        now += 1;
        for (const handle of handles) core.observe(handle, 'client', chunk, now);
      },
      'setTimeout refresh': () => {
        for (const timeout of timeouts) timeout.refresh();
      },
    },
    end: () => {
      for (const timeout of timeouts) clearTimeout(timeout);
    },
  };
}
