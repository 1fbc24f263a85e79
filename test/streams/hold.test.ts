import { beforeAll, describe, expect, it } from 'vitest';
import { loadCore, type StreamCore } from '../../src/core/stream-core.ts';
import { Hold } from '../../src/streams/hold.ts';
import { HoldBudget } from '../../src/streams/hold-budget.ts';
import { HOLD_BLOCK_BYTES, HoldCodec } from '../../src/streams/hold-codec.ts';
import { noise } from './support/socket-reader.ts';

const KIB = 1024;

let core: StreamCore;
let codec: HoldCodec;

beforeAll(async () => {
  core = await loadCore({ maxStreams: 1, heapBytes: 1024 * KIB });
  codec = new HoldCodec(core);
});

function makeHold(limitBytes = 1024 * KIB, budget = new HoldBudget(64 * 1024 * KIB, () => {})) {
  return { hold: new Hold(codec, budget, limitBytes), budget };
}

function takeAll(hold: Hold): Buffer {
  const pieces: Uint8Array[] = [];
  for (let piece = hold.take(); piece !== null; piece = hold.take()) pieces.push(piece);
  return Buffer.concat(pieces);
}

describe('Hold', () => {
  it('a few keystrokes: taken -> the same bytes once, and nothing after', () => {
    const { hold, budget } = makeHold();
    for (const key of ['h', 'e', 'l', 'l', 'o']) hold.push(Buffer.from(key));
    expect([hold.heldBytes, hold.storedBytes, budget.heldBytes, budget.storedBytes]).toEqual([5, 5, 5, 5]);
    expect(takeAll(hold).toString()).toBe('hello');
    expect(hold.take()).toBeNull();
    expect([hold.heldBytes, hold.storedBytes, budget.heldBytes, budget.storedBytes]).toEqual([0, 0, 0, 0]);
  });

  it.each([HOLD_BLOCK_BYTES - 1, HOLD_BLOCK_BYTES, HOLD_BLOCK_BYTES + 1, 5 * HOLD_BLOCK_BYTES + 17])(
    'text of %i bytes: in one chunk or in many -> the same bytes in order',
    (bytes) => {
      const text = Buffer.alloc(bytes, 'the quick brown fox jumps over the lazy dog; ');
      for (const chunkBytes of [bytes, 1000, HOLD_BLOCK_BYTES, 3 * HOLD_BLOCK_BYTES]) {
        const { hold } = makeHold(Number.POSITIVE_INFINITY);
        for (let at = 0; at < bytes; at += chunkBytes) hold.push(text.subarray(at, at + chunkBytes));
        expect(hold.heldBytes).toBe(bytes);
        expect(takeAll(hold).equals(text)).toBe(true);
      }
    },
  );

  it('a full block of text: kept -> as an LZ4 block that is far smaller', () => {
    const { hold } = makeHold();
    hold.push(Buffer.alloc(HOLD_BLOCK_BYTES, 'chatter '));
    expect(hold.heldBytes).toBe(HOLD_BLOCK_BYTES);
    expect(hold.storedBytes).toBeLessThan(HOLD_BLOCK_BYTES / 50);
  });

  it('noise that LZ4 cannot shrink: kept -> as it is, never larger', () => {
    const bytes = noise(2 * HOLD_BLOCK_BYTES);
    for (const chunkBytes of [HOLD_BLOCK_BYTES, 700]) {
      const { hold } = makeHold();
      for (let at = 0; at < bytes.length; at += chunkBytes) hold.push(Buffer.from(bytes.subarray(at, at + chunkBytes)));
      expect(hold.storedBytes).toBe(bytes.length);
      expect(takeAll(hold).equals(bytes)).toBe(true);
    }
  });

  it('bound: reached exactly, then taken -> full at the byte, room again below three quarters', () => {
    const { hold } = makeHold(4 * HOLD_BLOCK_BYTES);
    hold.push(noise(4 * HOLD_BLOCK_BYTES - 1));
    expect(hold.isFull).toBe(false);
    hold.push(Uint8Array.of(1));
    expect(hold.isFull).toBe(true);
    hold.take();
    expect([hold.storedBytes, hold.isFull]).toEqual([3 * HOLD_BLOCK_BYTES, false]);
  });

  it('the chunk that reaches the bound: kept whole -> no byte lost', () => {
    const { hold } = makeHold(10);
    const chunk = noise(HOLD_BLOCK_BYTES);
    hold.push(chunk);
    expect(hold.isFull).toBe(true);
    expect(takeAll(hold).equals(chunk)).toBe(true);
    expect(hold.isFull).toBe(false);
  });

  it('clear: bytes and marks -> forgotten, memory given back to the budget', () => {
    const { hold, budget } = makeHold();
    const { hold: other } = makeHold(1024, budget);
    other.push(Buffer.from('kept'));
    hold.push(noise(3 * HOLD_BLOCK_BYTES));
    hold.hasFin = true;
    hold.hasRst = true;
    hold.clear();
    expect([hold.heldBytes, hold.storedBytes, hold.hasFin, hold.hasRst, hold.take()]).toEqual([
      0,
      0,
      false,
      false,
      null,
    ]);
    expect([budget.heldBytes, budget.storedBytes]).toEqual([4, 4]);
  });

  it('a block that restores short: taken -> ERR_LZ4_MALFORMED, never wrong bytes', () => {
    const shortening = new HoldCodec({
      compressBound: (bytes) => core.compressBound(bytes),
      compressBlock: (src, dst) => core.compressBlock(src, dst),
      decompressBlock: (src, dst) => core.decompressBlock(src, dst) - 1,
    });
    const hold = new Hold(shortening, new HoldBudget(1e9, () => {}), 1e9);
    hold.push(Buffer.alloc(HOLD_BLOCK_BYTES, 'a'));
    expect(() => hold.take()).toThrow(expect.objectContaining({ code: 'ERR_LZ4_MALFORMED' }));
  });
});

describe('HoldBudget', () => {
  it('bound: reached, left a little, left by a quarter -> one change each way', () => {
    const changes: boolean[] = [];
    const budget = new HoldBudget(100, () => changes.push(budget.isFull));
    budget.change(99, 300);
    expect(changes).toEqual([]);
    budget.change(1, 1);
    budget.change(50, 50);
    budget.change(-74, -74);
    expect(changes).toEqual([true]);
    budget.change(-1, -1);
    expect(changes).toEqual([true, false]);
    expect([budget.storedBytes, budget.heldBytes]).toEqual([75, 276]);
  });
});
