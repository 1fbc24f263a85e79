// Loaded into a watched process by `node --import`, with --expose-gc: at each SIGURG collects all garbage, and appends what is left to
// the file TORPOR_HEAP_FILE as a JSON line. For bench/soak.mjs: without a collection memory shows when V8 likes to collect, no leak.
import { appendFileSync } from 'node:fs';

const file = process.env.TORPOR_HEAP_FILE;
if (file !== undefined && globalThis.gc !== undefined) {
  process.on('SIGURG', () => {
    globalThis.gc();
    const { heapUsed, external, rss } = process.memoryUsage();
    appendFileSync(file, `${JSON.stringify({ pid: process.pid, heapUsed, external, rss })}\n`);
  });
}
