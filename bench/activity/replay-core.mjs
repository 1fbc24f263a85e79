// A stream core into which reads are fed one by one, and whose state can be put back: so that many endings of one long stream cost one
// pass over it. Leaves the reads to its callers.
import { FLAG_ACTIVE, FLAG_WORK } from '../../dist/core/abi.js';
import { instantiateCore } from '../../dist/core/load.js';
import { StreamCore } from '../../dist/core/stream-core.js';
import { DEFAULT_STREAM_POLICY } from '../../dist/platform/stream-policy.js';
import { describeVerdict } from '../../dist/streams/verdict-text.js';

const MAX_STREAMS = 256;
const HEAP_BYTES = 512 * 1024;
/** Longer than any replay: a stream is judged, it does not expire. */
const NO_TIMEOUT_TICKS = 0x7fff_ffff;

/** Loads a core, from `wasm` where it is given, else the package's own. */
export async function loadReplayCore(wasm) {
  const exports = await instantiateCore(wasm);
  const status = exports.init(MAX_STREAMS, HEAP_BYTES);
  if (status !== 0) throw new Error(`the core for a replay was not laid out: status ${status}`);
  const core = new StreamCore(exports);
  // Buffers lie above all state, and the core's own are the lowest: what is below the next one is its state.
  const mark = exports.buffer_alloc(1);
  return new ReplayCore(core, new Uint8Array(exports.memory.buffer, 0, mark));
}

class ReplayCore {
  #core;
  #state;
  #families = 0;

  constructor(core, state) {
    this.#core = core;
    this.#state = state;
  }

  /** Starts a client of its own: what was learned of others' polls is not known to it. */
  openClient() {
    this.#families += 1;
    return new ReplayClient(this.#core, this.#families);
  }

  /** What all streams were judged by until now. Streams that are opened after it must be released before it is put back. */
  save() {
    return this.#state.slice();
  }

  restore(saved) {
    this.#state.set(saved);
  }
}

/** The connections of one client, by key. */
class ReplayClient {
  #core;
  #family;
  #streams = new Map();

  constructor(core, family) {
    this.#core = core;
    this.#family = family;
  }

  has(key) {
    return this.#streams.has(key);
  }

  open(key, atMs) {
    const hints = { protocol: 'auto', family: this.#family, policy: DEFAULT_STREAM_POLICY };
    this.#streams.set(key, this.#core.openStream(NO_TIMEOUT_TICKS, atMs / this.#core.tickMs, hints));
  }

  /** Feeds one read to the connection `key`; answers the flags of abi.ts. */
  feed(key, read, atMs) {
    return this.#core.observe(this.#streams.get(key), read.direction, read.bytes, atMs / this.#core.tickMs);
  }

  /** Why the last read of `key` was judged as it was. */
  why(key, read) {
    if (read.direction === 'server') return 'work: a transfer from the server';
    return describeVerdict(this.#core.verdict(this.#streams.get(key)));
  }

  release(key) {
    this.#core.releaseStream(this.#streams.get(key));
    this.#streams.delete(key);
  }

  releaseAll() {
    for (const key of [...this.#streams.keys()]) this.release(key);
  }
}

/** Whether flags say that somebody is there. */
export function isActivity(flags) {
  return (flags & (FLAG_ACTIVE | FLAG_WORK)) !== 0;
}
