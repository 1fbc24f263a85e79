// The exports of the stream core, and nothing else: the ABI. What each one promises stands at its definition.

export {
  advance,
  advancePending as advance_pending,
  closeStream as stream_close,
  isActive as stream_is_active,
  observe,
  openStream as stream_open,
  readDeadline as stream_deadline,
  readTally as stream_tally,
  readVerdict as stream_verdict,
  releaseStream as stream_release,
  touchStream as stream_touch,
} from './activity/streams';
export { allocateBuffer as buffer_alloc, freeBuffer as buffer_free } from './arena';
export { heapCapacity as heap_capacity, init, streamCapacity as stream_capacity } from './layout';
export { decompressBlock as lz4_decompress_block } from './lz4/block-decode';
export { compressBlock as lz4_compress_block, compressBound as lz4_compress_bound } from './lz4/block-encode';
export { abiTickMs as abi_tick_ms, abiVersion as abi_version } from './version';
