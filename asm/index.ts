// The exports of the stream core, and nothing else: the ABI. What each one promises stands at its definition.

export {
  advance,
  advancePending as advance_pending,
  closeStream as stream_close,
  isActive as stream_is_active,
  observe,
  openStream as stream_open,
  policyStream as stream_policy,
  readDeadline as stream_deadline,
  readTally as stream_tally,
  readVerdict as stream_verdict,
  releaseStream as stream_release,
  timeoutStream as stream_timeout,
  touchStream as stream_touch,
} from './activity/streams';
export { allocateBuffer as buffer_alloc, freeBuffer as buffer_free } from './arena';
export { heapCapacity as heap_capacity, init, streamCapacity as stream_capacity } from './layout';
export { decompressBlock as lz4_decompress_block } from './lz4/block-decode';
export { compressBlock as lz4_compress_block, compressBound as lz4_compress_bound } from './lz4/block-encode';
export {
  appendHc as lz4_hc_append,
  compressHc as lz4_hc_compress,
  hcStateBytes as lz4_hc_state_bytes,
  initHc as lz4_hc_init,
  resetHc as lz4_hc_reset,
} from './lz4/hc-state';
export {
  appendLinked as lz4_link_append,
  compressLinked as lz4_link_compress,
  decompressLinked as lz4_link_decompress,
  initLink as lz4_link_init,
  linkOutput as lz4_link_output,
  moveLink as lz4_link_move,
  resetLink as lz4_link_reset,
} from './lz4/linked';
export { digestXxh32 as xxh32_digest, initXxh32 as xxh32_init, updateXxh32 as xxh32_update } from './lz4/xxh32';
export {
  advanceTimers as timers_advance,
  initTimers as timers_init,
  startTimer as timers_start,
  stopTimer as timers_stop,
  tableBytes as timers_bytes,
  timerDeadlines as timers_deadlines,
  timersPending as timers_pending,
} from './timers/timer-table';
export { abiTickMs as abi_tick_ms, abiVersion as abi_version } from './version';
