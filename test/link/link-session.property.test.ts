// A link that breaks at any byte, again and again: every byte of every stream arrives once, in order, and every end and reset is told.
// And a peer that sends anything: no crash, no byte beyond what was granted.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeRecord, RECORD_TYPES } from '../../src/link/link-records.ts';
import { drawSeed, runs } from '../core/support/seed.ts';
import { noise } from '../streams/support/socket-reader.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { type KeptEnd, SessionPair } from './support/session-pair.ts';

const SEED = drawSeed('link session');
const STREAMS = 4;

type Act =
  | { readonly push: Buffer; readonly on: number; readonly back: boolean }
  | { readonly burst: readonly Buffer[]; readonly back: boolean }
  | { readonly finish: number; readonly back: boolean }
  | { readonly reset: number; readonly back: boolean }
  | { readonly slow: number; readonly isSlow: boolean }
  | { readonly wait: number }
  | { readonly cut: number };

const chunk = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
  fc.tuple(fc.integer({ min: 1, max: 90_000 }), fc.nat()).map(([bytes, seed]) => noise(bytes, seed)),
  fc.integer({ min: 1, max: 200_000 }).map((bytes) => Buffer.alloc(bytes, `a log line of ${bytes}; `)),
  fc.integer({ min: 1, max: 3000 }).map((bytes) => Buffer.alloc(bytes, `short ${bytes % 7}; `)),
);
const small = fc.integer({ min: 1, max: 400 }).map((bytes) => Buffer.alloc(bytes, `key ${bytes}; `));
const on = fc.nat({ max: STREAMS - 1 });
/** Several records in one write, and a cut while they are on the wire. */
const smallAct: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ burst: fc.array(small, { minLength: 2, maxLength: STREAMS }), back: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ wait: fc.constantFrom(1, 10, 30, 100) }) },
  { weight: 2, arbitrary: fc.record({ cut: fc.constantFrom(0, 5) }) },
);
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ push: chunk, on, back: fc.boolean() }) },
  {
    weight: 6,
    arbitrary: fc.record({ burst: fc.array(chunk, { minLength: 2, maxLength: STREAMS }), back: fc.boolean() }),
  },
  { weight: 6, arbitrary: fc.record({ wait: fc.constantFrom(0, 1, 3, 20, 200, 15_000) }) },
  { weight: 3, arbitrary: fc.record({ cut: fc.constantFrom(0, 1, 30, 400) }) },
  { weight: 2, arbitrary: fc.record({ slow: on, isSlow: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ finish: on, back: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ reset: on, back: fc.boolean() }) },
);

/** What one direction was given, and how it ended. */
interface Way {
  readonly sent: Buffer[];
  isFinished: boolean;
  waiting: Buffer[];
}

class Story {
  readonly clock = new FakeClock();
  pair!: SessionPair;
  readonly edges: KeptEnd[] = [];
  readonly ways: { there: Way; back: Way; isReset: boolean }[] = [];
  readonly #wire: { delayMs: number; bytesPerMs?: number; cut: (left: number) => number };

  constructor(wire: { delayMs: number; bytesPerMs?: number; cut: (left: number) => number }) {
    this.#wire = wire;
  }

  async begin(): Promise<void> {
    this.pair = await SessionPair.make(this.clock, 300_000);
    this.pair.connect(this.#wire);
    for (let n = 0; n < STREAMS; n += 1) {
      this.edges.push(this.pair.open({ service: n === 3 ? 'plain' : 'desktop', client: `c${n}` }).end);
      const way = (): Way => ({ sent: [], isFinished: false, waiting: [] });
      this.ways.push({ there: way(), back: way(), isReset: false });
    }
    await this.clock.advance(200);
  }

  gateEnd(n: number): KeptEnd {
    return this.pair.arrived.get(n + 1) as KeptEnd;
  }

  async play(step: Act): Promise<void> {
    if ('wait' in step) await this.clock.advance(step.wait);
    else if ('burst' in step)
      for (const [n, push] of step.burst.entries()) this.#touch({ push, on: n, back: step.back });
    else if ('cut' in step) {
      this.pair.cut();
      await this.clock.advance(step.cut);
      this.pair.connect(this.#wire);
    } else if ('slow' in step) {
      for (const end of [this.edges[step.slow] as KeptEnd, this.gateEnd(step.slow)]) {
        end.isSlow = step.isSlow;
        if (!step.isSlow) end.takeAll();
      }
    } else this.#touch(step);
  }

  #touch(step: Extract<Act, { push: Buffer } | { finish: number } | { reset: number }>): void {
    const n = 'push' in step ? step.on : 'finish' in step ? step.finish : step.reset;
    const entry = this.ways[n] as (typeof this.ways)[number];
    const end = step.back ? this.gateEnd(n) : (this.edges[n] as KeptEnd);
    const way = step.back ? entry.back : entry.there;
    if (entry.isReset || way.isFinished) return;
    if ('push' in step) {
      way.sent.push(step.push);
      end.stream?.push(Buffer.from(step.push));
    } else if ('finish' in step) {
      way.isFinished = true;
      end.stream?.finish();
    } else {
      entry.isReset = true;
      end.stream?.reset('its client is gone');
    }
  }

  async settle(): Promise<void> {
    for (const end of [...this.edges, ...this.pair.arrived.values()]) {
      end.isSlow = false;
      end.takeAll();
    }
    await this.clock.advance(60_000);
  }

  check(): void {
    for (const [n, { there, back, isReset }] of this.ways.entries()) {
      const sides: [Way, KeptEnd][] = [
        [there, this.gateEnd(n)],
        [back, this.edges[n] as KeptEnd],
      ];
      for (const [way, end] of sides) {
        const sent = Buffer.concat(way.sent);
        const got = end.bytes;
        if (isReset) {
          expect(sent.subarray(0, got.length).equals(got)).toBe(true);
          continue;
        }
        expect(got.length).toBe(sent.length);
        expect(got.equals(sent)).toBe(true);
        expect(end.hasEnded).toBe(way.isFinished);
        expect(end.resetBy).toBe(null);
      }
      if (isReset)
        expect([this.gateEnd(n).resetBy, (this.edges[n] as KeptEnd).resetBy]).toContain('its client is gone');
    }
    expect(this.pair.breaks).toEqual([]);
    expect(this.pair.edge.figures().keptBytes).toBe(0);
    expect(this.pair.gate.figures().keptBytes).toBe(0);
  }
}

describe('link session, any story', () => {
  it('cut anywhere, delivered in any pieces, at any speed -> every byte once and in order', async () => {
    const cuts = fc.infiniteStream(fc.integer({ min: 1, max: 5000 }));
    const wire = fc.record({ delayMs: fc.constantFrom(0, 1, 25, 120), bytesPerMs: fc.constantFrom(0, 50, 2500) });
    await fc.assert(
      fc.asyncProperty(wire, cuts, fc.array(act, { maxLength: 60 }), async ({ delayMs, bytesPerMs }, pieces, acts) => {
        const cut = (left: number) => Math.min(left, (pieces.next().value as number | undefined) ?? left);
        const story = new Story({ delayMs, cut, ...(bytesPerMs === 0 ? {} : { bytesPerMs }) });
        await story.begin();
        for (const step of acts) await story.play(step);
        await story.settle();
        story.check();
      }),
      runs(60, SEED),
    );
  });

  it('cut between the records of one write -> the missing ones are repeated, and no other', async () => {
    const cuts = fc.infiniteStream(fc.integer({ min: 1, max: 60 }));
    const wire = fc.record({ delayMs: fc.constantFrom(0, 8), bytesPerMs: fc.constantFrom(5, 20) });
    await fc.assert(
      fc.asyncProperty(
        wire,
        cuts,
        fc.array(smallAct, { maxLength: 40 }),
        async ({ delayMs, bytesPerMs }, pieces, acts) => {
          const story = new Story({
            delayMs,
            bytesPerMs,
            cut: (left) => Math.min(left, pieces.next().value as number),
          });
          await story.begin();
          for (const step of acts) await story.play(step);
          await story.settle();
          story.check();
        },
      ),
      runs(60, SEED),
    );
  });

  it('anything on the wire -> an error in words or nothing, and never more than was granted', async () => {
    const type = fc.oneof(fc.constantFrom(...Object.values(RECORD_TYPES)), fc.nat({ max: 255 }));
    const record = fc
      .tuple(type, fc.nat({ max: 6 }), fc.uint8Array({ maxLength: 400 }), fc.nat({ max: 31 }))
      .map(([kind, stream, payload, flags]) => encodeRecord(kind, stream, payload, flags));
    const noisy = fc.oneof(
      { weight: 5, arbitrary: record },
      fc.uint8Array({ maxLength: 64 }).map((b) => Buffer.from(b)),
    );
    let records = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(noisy, { minLength: 1, maxLength: 40 }), async (junk) => {
        const clock = new FakeClock();
        const pair = await SessionPair.make(clock, 300_000);
        pair.connect({ delayMs: 0 });
        const { stream } = pair.open();
        stream.push(Buffer.from('first bytes of a stream'));
        await clock.advance(1);
        for (const each of junk) {
          records += 1;
          pair.gate.receive(Buffer.from(each));
          pair.edge.receive(Buffer.from(each));
        }
        await clock.advance(30_000);
        for (const end of pair.arrived.values()) expect(end.bytes.length).toBeLessThan(300_000);
        expect(pair.gate.figures().historyBytes).toBeLessThan(8_600_000);
      }),
      runs(120, SEED),
    );
    console.info(`link session: ${records} hostile records, seed ${SEED}`);
  });
});
