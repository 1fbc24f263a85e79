// The one codec that all sockets of a page share: loaded when the first of them connects, with a place for each that may compress.
import { LINK_CODEC_TIERS, LinkCodec } from '../core/link-codec.ts';
import { type LoadCoreOptions, loadCore } from './load-core.ts';

/** Sockets of a page that may compress at once; others are plain. */
const MAX_PAGE_TUNNELS = 64;
/** The server may have each keep the largest history; one that grows stands in two places for a moment. */
const DECODER_LIMIT_BYTES = (MAX_PAGE_TUNNELS + 1) * Math.max(...LINK_CODEC_TIERS.map((tier) => tier.decoderBytes));
/** Where encoders find no room a socket sends as it is. */
const ENCODER_LIMIT_BYTES = 8 * 1024 * 1024;
/** Twice what is lent, so that free ranges between histories hold the largest. */
const HEAP_BYTES = 2 * (DECODER_LIMIT_BYTES + ENCODER_LIMIT_BYTES);

let loading: Promise<LinkCodec> | null = null;
let taken = 0;

export interface PagePlace {
  readonly codec: LinkCodec;
  /** Runs once. */
  leave(): void;
}

/**
 * Loads what TorporSockets share, before the first of them or from elsewhere than the package's own folder. They do so by themselves where this was
 * not called. Rejects as `loadCore` does, and the next call tries again.
 */
export async function prepareSockets(from: Pick<LoadCoreOptions, 'simdUrl' | 'scalarUrl'> = {}): Promise<void> {
  loading ??= load(from);
  await loading;
}

/** Null where a socket is to be a plain one: all places are taken, or the core is not to be had. */
export async function takePlace(): Promise<PagePlace | null> {
  try {
    loading ??= load({});
    const codec = await loading;
    if (taken >= MAX_PAGE_TUNNELS) return null;
    taken += 1;
    const leave = () => {
      taken -= 1;
    };
    return { codec, leave };
  } catch {
    return null;
  }
}

async function load(from: Pick<LoadCoreOptions, 'simdUrl' | 'scalarUrl'>): Promise<LinkCodec> {
  try {
    const core = await loadCore({ ...from, maxStreams: 1, heapBytes: HEAP_BYTES });
    const limits = { encoderLimitBytes: ENCODER_LIMIT_BYTES, decoderLimitBytes: DECODER_LIMIT_BYTES };
    const codec = new LinkCodec(core, limits);
    // The server keeps every history that its subprotocol knows.
    codec.peerLimitBytes = Number.POSITIVE_INFINITY;
    return codec;
  } catch (error) {
    loading = null;
    throw error;
  }
}
