// The LZ4 block format read straight from its specification, one byte at a time: an oracle, independent of the core's code.
// Source: LZ4 Block Format Description (lz4_Block_format.md).

/** 'offset': one that reaches before the first byte. */
export type BlockFault = 'truncated' | 'offset 0' | 'offset' | 'capacity';

export interface BlockSequence {
  readonly literals: number;
  /** 0 in the last sequence, which has no match. */
  readonly offset: number;
  readonly matchLength: number;
  /** Output position at which the match starts. */
  readonly matchAt: number;
}

export type BlockReading =
  | { readonly content: Uint8Array; readonly sequences: readonly BlockSequence[] }
  | { readonly fault: BlockFault };

class Fault extends Error {
  readonly fault: BlockFault;
  constructor(fault: BlockFault) {
    super(fault);
    this.fault = fault;
  }
}

/** Reads a whole block into at most `capacity` bytes, or names the first fault. */
export function readBlock(block: Uint8Array, capacity: number): BlockReading {
  try {
    return readSequences(block, capacity);
  } catch (thrown) {
    if (thrown instanceof Fault) return { fault: thrown.fault };
    throw thrown;
  }
}

function readSequences(block: Uint8Array, capacity: number): BlockReading {
  const content: number[] = [];
  const sequences: BlockSequence[] = [];
  let at = 0;
  const take = (): number => {
    const byte = block[at++];
    if (byte === undefined) throw new Fault('truncated');
    return byte;
  };
  const put = (byte: number): void => {
    if (content.length >= capacity) throw new Fault('capacity');
    content.push(byte);
  };
  const takeLength = (field: number): number => {
    let length = field;
    if (field < 15) return length;
    for (;;) {
      const more = take();
      length += more;
      if (more < 255) return length;
    }
  };
  for (;;) {
    const token = take();
    const literals = takeLength(token >> 4);
    if (literals > block.length - at) throw new Fault('truncated');
    for (let index = 0; index < literals; index += 1) put(take());
    if (at === block.length) {
      sequences.push({ literals, offset: 0, matchLength: 0, matchAt: content.length });
      return { content: Uint8Array.from(content), sequences };
    }
    const offset = take() + 256 * take();
    if (offset === 0) throw new Fault('offset 0');
    if (offset > content.length) throw new Fault('offset');
    const matchAt = content.length;
    const matchLength = takeLength(token & 15) + 4;
    for (let index = 0; index < matchLength; index += 1) put(content[content.length - offset] as number);
    sequences.push({ literals, offset, matchLength, matchAt });
  }
}
