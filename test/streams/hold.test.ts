import { beforeAll, describe, expect, it } from 'vitest';
import { LINK_TIERS } from '../../src/core/abi.ts';
import { LINK_IDLE_MS, type LinkPool } from '../../src/core/link-pool.ts';
import { loadCore, type StreamCore } from '../../src/core/stream-core.ts';
import { Hold } from '../../src/streams/hold.ts';
import { HoldBudget } from '../../src/streams/hold-budget.ts';
import { HOLD_BLOCK_BYTES, HOLD_PIECE_BYTES, HoldCodec } from '../../src/streams/hold-codec.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { noise } from './support/socket-reader.ts';

const KIB = 1024;

let core: StreamCore;
let codec: HoldCodec;
let links: LinkPool;
const clock = new FakeClock();

beforeAll(async () => {
  core = await loadCore({ maxStreams: 1, heapBytes: 2048 * KIB });
  links = core.openLinks({ clock });
  codec = new HoldCodec(core, links);
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

  it('small messages: 20 of 400 bytes -> a third of their bytes or less, and the same bytes back', () => {
    const messages = Array.from({ length: 20 }, (_, index) =>
      Buffer.from(
        `{"level":30,"time":${1.7e12 + index * 731},"msg":"pointer moved","seat":${index % 3}}`.padEnd(400, '-='),
      ),
    );
    const { hold, budget } = makeHold();
    for (const message of messages) hold.push(message);
    expect(hold.heldBytes).toBe(8000);
    expect(hold.storedBytes).toBeLessThan(8000 / 3);
    expect(budget.storedBytes).toBe(hold.storedBytes);
    expect(takeAll(hold).equals(Buffer.concat(messages))).toBe(true);
    expect([hold.storedBytes, budget.storedBytes]).toEqual([0, 0]);
  });

  it('window: fewer bytes than a piece, more, idle, more, taken -> none, one, none, one, none', async () => {
    links.close();
    const { hold } = makeHold();
    const text = Buffer.alloc(5 * HOLD_PIECE_BYTES + 100, 'chatter of a client; ');
    const seen: number[] = [];
    const push = (from: number, to: number) => {
      hold.push(text.subarray(from, to));
      seen.push(links.windows);
    };
    push(0, HOLD_PIECE_BYTES - 1);
    push(HOLD_PIECE_BYTES - 1, 3 * HOLD_PIECE_BYTES);
    await clock.advance(2 * LINK_IDLE_MS);
    seen.push(links.windows);
    push(3 * HOLD_PIECE_BYTES, text.length);
    expect(takeAll(hold).equals(text)).toBe(true);
    seen.push(links.windows);
    expect(seen).toEqual([0, 1, 0, 1, 0]);
  });

  it('window bound reached: held bytes -> blocks of their own, none lost, and pieces again when there is room', async () => {
    const small = (await loadCore({ maxStreams: 1, heapBytes: 1024 * KIB })).openLinks({
      clock,
      limitBytes: LINK_TIERS[0].encoderBytes,
    });
    const bounded = new HoldCodec(core, small);
    const budget = new HoldBudget(1e9, () => {});
    const [first, second] = [new Hold(bounded, budget, 1e9), new Hold(bounded, budget, 1e9)];
    const text = Buffer.alloc(HOLD_BLOCK_BYTES + 10_000, 'the quick brown fox; ');
    for (let at = 0; at < text.length; at += 1000) {
      for (const hold of [first, second]) hold.push(text.subarray(at, at + 1000));
      if (at === 60_000) expect([first.storedBytes < 10_000, second.storedBytes]).toEqual([true, 61_000]);
    }
    expect(second.storedBytes).toBeLessThan(20_000);
    expect(takeAll(first).equals(text)).toBe(true);
    expect(small.windows).toBe(0);
    second.push(text.subarray(0, HOLD_BLOCK_BYTES));
    expect(small.windows).toBe(1);
    expect(takeAll(second).equals(Buffer.concat([text, text.subarray(0, HOLD_BLOCK_BYTES)]))).toBe(true);
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
    const short = {
      compressBound: (bytes: number) => core.compressBound(bytes),
      compressBlock: (src: Uint8Array, dst: Uint8Array) => core.compressBlock(src, dst),
      decompressBlock: (src: Uint8Array, dst: Uint8Array) => core.decompressBlock(src, dst) - 1,
    };
    const shortening = new HoldCodec(short, links);
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
