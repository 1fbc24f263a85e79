// Cuts change no verdict: whole conversations of plaintext protocols, and TLS records, in reads cut anywhere.
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { FLAG_ACTIVE, FLAG_LOST } from '../../src/core/abi.ts';
import { loadCore, type StreamCore } from '../../src/core/stream-core.ts';
import { DIALOGUES, type Dialogue, openDialogue } from './support/dialogues.ts';
import { drawSeed, runs } from './support/seed.ts';
import { tlsRecord } from './support/tls-record.ts';

const seed = drawSeed('activity splits');

let core: StreamCore;
beforeAll(async () => {
  core = await loadCore({ maxStreams: 8, heapBytes: 256 * 1024 });
});

interface Span {
  readonly from: number;
  readonly to: number;
  readonly counts: boolean;
}

/** Messages of a dialogue by index, one after the other, and where each lies. */
function say(dialogue: Dialogue, picks: readonly number[]): { bytes: Buffer; spans: Span[] } {
  const messages = [
    ...Object.values(dialogue.chatter).map((bytes) => ({ bytes, counts: false })),
    ...Object.values(dialogue.input).map((bytes) => ({ bytes, counts: true })),
  ];
  const spans: Span[] = [];
  const parts: Buffer[] = [];
  let at = 0;
  for (const pick of picks) {
    const message = messages[pick % messages.length] as { bytes: Buffer; counts: boolean };
    parts.push(message.bytes);
    spans.push({ from: at, to: at + message.bytes.length, counts: message.counts });
    at += message.bytes.length;
  }
  return { bytes: Buffer.concat(parts), spans };
}

/** Where reads end, in order; `cuts` are shares of the length. */
function endsOf(cuts: readonly number[], length: number): number[] {
  return [...new Set([...cuts.map((share) => Math.floor(share * length)), length])]
    .filter((end) => end > 0)
    .sort((a, b) => a - b);
}

const shares = (most: number) => fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: most });
const picks = fc.array(fc.nat(20), { minLength: 1, maxLength: 12 });

describe('cuts of plaintext protocols', () => {
  it.each(Object.entries(DIALOGUES))(
    '%s: a conversation in reads cut anywhere -> input counts, chatter does not',
    (_, dialogue) => {
      fc.assert(
        fc.property(picks, shares(30), (chosen, cuts) => {
          const { bytes, spans } = say(dialogue, chosen);
          const stream = openDialogue(core, dialogue);
          const counted = new Set<Span>();
          let from = 0;
          for (const to of endsOf(cuts, bytes.length)) {
            const flags = core.observe(stream, 'client', bytes.subarray(from, to), 10);
            const inputs = spans.filter((span) => span.counts && span.from < to && span.to > from);
            const counts = (flags & FLAG_ACTIVE) !== 0;
            expect(flags & FLAG_LOST).toBe(0);
            if (inputs.length === 0) expect({ from, to, counts }).toEqual({ from, to, counts: false });
            if (inputs.some((span) => span.from >= from && span.to <= to)) {
              expect({ from, to, counts }).toEqual({ from, to, counts: true });
            }
            if (counts) for (const span of inputs) counted.add(span);
            from = to;
          }
          expect(spans.filter((span) => span.counts && !counted.has(span))).toEqual([]);
          core.releaseStream(stream);
        }),
        runs(200, seed),
      );
    },
  );
});

describe('cuts of TLS records', () => {
  /** A record of the client, how long after what was before, and what the server says just before it. */
  const step = fc.record({
    bodyBytes: fc.constantFrom(22, 52, 90, 400),
    pauseMs: fc.constantFrom(700, 5000, 15_000),
    serverBytes: fc.constantFrom(0, 60, 1300),
  });
  const script = fc.record({
    cycle: fc.array(step, { minLength: 1, maxLength: 3 }),
    rounds: fc.integer({ min: 1, max: 40 }),
    cuts: fc.array(shares(4), { minLength: 7, maxLength: 7 }),
  });

  it('tls: records in reads cut anywhere -> judged as whole ones are', () => {
    const seen = { active: 0, chatter: 0 };
    fc.assert(
      fc.property(script, ({ cycle, rounds, cuts }) => {
        const whole = core.openStream(60_000, 0, { protocol: 'tls', family: 1 });
        const cut = core.openStream(60_000, 0, { protocol: 'tls', family: 2 });
        let now = 0;
        for (let index = 0; index < cycle.length * rounds; index += 1) {
          const { bodyBytes, pauseMs, serverBytes } = cycle[index % cycle.length] as (typeof cycle)[number];
          now += pauseMs;
          if (serverBytes > 0) {
            for (const stream of [whole, cut]) core.observe(stream, 'server', tlsRecord(serverBytes), now - 20);
          }
          const record = tlsRecord(bodyBytes);
          const expected = core.observe(whole, 'client', record, now) & FLAG_ACTIVE;
          let flags = 0;
          let from = 0;
          for (const to of endsOf(cuts[index % cuts.length] as number[], record.length)) {
            flags |= core.observe(cut, 'client', record.subarray(from, to), now);
            from = to;
          }
          expect({ index, flags: flags & (FLAG_ACTIVE | FLAG_LOST) }).toEqual({ index, flags: expected });
          seen[expected === 0 ? 'chatter' : 'active'] += 1;
        }
        core.releaseStream(whole);
        core.releaseStream(cut);
      }),
      runs(300, seed),
    );
    console.log(`records judged: ${seen.active} active, ${seen.chatter} chatter`);
    expect(Math.min(seen.active, seen.chatter)).toBeGreaterThan(0);
  });
});
