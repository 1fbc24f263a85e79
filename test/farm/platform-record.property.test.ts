// Any order of changes by anybody, each of them made on the record as it stands: what is committed was agreed to by all who live, at zero counts.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  answer,
  type Change,
  callOff,
  commit,
  EMPTY_RECORD,
  end,
  formatRecord,
  handOver,
  leave,
  liveMembers,
  type PlatformRecord,
  parseRecord,
  propose,
  takeOver,
  tell,
} from '../../src/farm/platform-record.ts';
import { drawSeed, runs } from '../core/support/seed.ts';

const SEED = drawSeed('platform record');
const IDS = ['a@1', 'b@1', 'c@1', 'a@2'];
const id = fc.constantFrom(...IDS);
const keeps = fc.constantFrom(null, null, 'a check');

const act = fc.oneof(
  fc.record({ kind: fc.constant('tell' as const), id, active: fc.nat({ max: 2 }), keeps }),
  fc.record({ kind: fc.constant('propose' as const), id, forced: fc.boolean() }),
  fc.record({ kind: fc.constant('answer' as const), id, held: fc.boolean(), back: fc.nat({ max: 1 }) }),
  fc.record({ kind: fc.constantFrom('commit' as const, 'leave' as const, 'takeOver' as const, 'end' as const), id }),
  fc.record({ kind: fc.constantFrom('die' as const, 'wake' as const), id }),
  fc.record({ kind: fc.constant('handOver' as const), id, to: id }),
);
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;

function apply(record: PlatformRecord, each: Act, isLive: (id: string) => boolean): Change {
  if (each.kind === 'tell') {
    const own = { active: each.active, newestDeadlineMs: null, keeps: each.keeps, held: false };
    return tell(record, each.id, own, isLive);
  }
  if (each.kind === 'propose') return propose(record, each.id, each.forced, isLive);
  if (each.kind === 'answer') return answer(record, each.id, record.proposal - each.back, each.held, 'because');
  if (each.kind === 'commit') return commit(record, each.id, record.proposal, isLive);
  if (each.kind === 'leave') return leave(record, each.id);
  if (each.kind === 'takeOver') return takeOver(record, each.id, isLive);
  if (each.kind === 'end') return end(record, each.id, 'over');
  if (each.kind === 'wake') return callOff(record, 'a wake');
  if (each.kind === 'handOver') return handOver(record, each.id, each.to, isLive);
  return record;
}

function check(before: PlatformRecord, after: PlatformRecord, isLive: (id: string) => boolean): void {
  expect(after.epoch).toBeGreaterThanOrEqual(before.epoch);
  expect(after.proposal).toBeGreaterThanOrEqual(before.proposal);
  if (after.owner !== before.owner) expect(after.epoch).toBe(before.epoch + 1);
  if (after.owner !== before.owner && after.phase === 'proposed') throw new Error('a proposal outlived its owner');
  if (before.owner !== null && isLive(before.owner) && after.owner !== before.owner)
    expect(after.members[before.owner] === undefined || before.phase === 'awake').toBe(true);
  if (after.phase === 'committed' && before.phase !== 'committed') {
    expect(before).toMatchObject({ phase: 'proposed', owner: after.owner, by: after.owner, proposal: after.proposal });
    for (const [, member] of liveMembers(before, isLive)) {
      expect(member).toMatchObject({ keeps: null, agreedTo: after.proposal });
      if (!after.forced) expect(member.active).toBe(0);
    }
  }
  expect(parseRecord(formatRecord(after))).toEqual(after);
}

describe('platform record', () => {
  it('any changes by anybody who lives -> no commit without the agreement of all, one owner at a time', () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 80 }), (acts) => {
        const dead = new Set<string>(['a@2']);
        const isLive = (each: string) => !dead.has(each);
        let record = EMPTY_RECORD;
        for (const each of acts) {
          if (each.kind === 'die') {
            dead.add(each.id);
            // Its next run.
            if (each.id === 'a@1') dead.delete('a@2');
            continue;
          }
          if (dead.has(each.id)) continue;
          const next = apply(record, each, isLive);
          if ('refused' in next) continue;
          check(record, next, isLive);
          record = next;
        }
      }),
      runs(300, SEED),
    );
  });

  it('any text -> read or refused, never an exception', () => {
    const text = fc.oneof(fc.string(), fc.json(), fc.constant(JSON.stringify({ ...EMPTY_RECORD, members: { a: 1 } })));
    fc.assert(
      fc.property(text, (each) => {
        const record = parseRecord(each);
        if (record !== null)
          expect(parseRecord(formatRecord(record))).toEqual({ ...record, version: expect.any(Number) });
      }),
      runs(300, SEED),
    );
  });
});
