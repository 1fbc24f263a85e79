// Which VM is moved off which platform: by example, for any pool, and over days of a pool that follows the rule.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  chooseMove,
  countUsed,
  type EvacuationMember,
  type EvacuationRule,
  type EvacuationVm,
} from '../../src/platform/evacuation-rule.ts';
import { Random } from './random.ts';

const SEED = Number(process.env.TORPOR_SEED ?? Date.now() % 2 ** 31);
console.log(`evacuation-rule: seed ${SEED} (TORPOR_SEED repeats it, TORPOR_RUNS runs more)`);
const PARAMETERS = { seed: SEED, numRuns: Number(process.env.TORPOR_RUNS ?? 300) };
const NOW_MS = 50_000_000;
const MINUTE_MS = 60_000;

const RULE: EvacuationRule = {
  vmsPerPlatform: 4,
  activeAtMost: 1,
  quietForMs: 15 * MINUTE_MS,
  idleForMs: 10 * MINUTE_MS,
  restForMs: 60 * MINUTE_MS,
  moveActive: false,
};

function idle(vm: string, forMs = RULE.idleForMs): EvacuationVm {
  return { vm, active: 0, idleSinceMs: NOW_MS - forMs, restsUntilMs: 0, fixedBy: null };
}

function used(vm: string): EvacuationVm {
  return { vm, active: 1, idleSinceMs: null, restsUntilMs: 0, fixedBy: null };
}

function member(
  platform: string,
  vms: readonly EvacuationVm[],
  change: Partial<EvacuationMember> = {},
): EvacuationMember {
  const isQuiet = countUsed({ vms }) <= RULE.activeAtMost;
  return {
    platform,
    isAwake: true,
    isSpare: false,
    staysFor: null,
    closedFor: null,
    quietSinceMs: isQuiet ? NOW_MS - RULE.quietForMs : null,
    tookUntilMs: 0,
    gaveUntilMs: 0,
    vms,
    ...change,
  };
}

const BUSY = member('b', [used('b1'), used('b2')]);

describe('chooseMove', () => {
  it('one active VM beside idle ones, room elsewhere -> the one that is idle longest goes to the platform that is in use', () => {
    const source = member('a', [used('a1'), idle('a2', RULE.idleForMs * 2)]);
    expect(chooseMove(RULE, [source, BUSY], NOW_MS).move).toEqual({ vm: 'a2', from: 'a', to: 'b' });
  });

  it('only its active VM is left -> it waits; may active ones be moved, that one goes', () => {
    const source = member('a', [used('a1')]);
    expect(chooseMove(RULE, [source, BUSY], NOW_MS)).toMatchObject({ move: null });
    expect(chooseMove(RULE, [source, BUSY], NOW_MS).why.get('a')).toBe('it is emptied: waits until its VMs are idle');
    const { move } = chooseMove({ ...RULE, moveActive: true }, [source, BUSY], NOW_MS);
    expect(move).toEqual({ vm: 'a1', from: 'a', to: 'b' });
  });

  it.each<[string, Partial<EvacuationMember>, string]>([
    ['it sleeps', { isAwake: false }, 'it is not awake'],
    ['a wake is wanted', { staysFor: 'bob waits' }, 'bob waits'],
    ['it is drained', { closedFor: 'it is drained' }, 'it is drained'],
    ['it took a VM', { tookUntilMs: NOW_MS + MINUTE_MS }, 'it took VMs lately: not emptied for 1m'],
    ['it is quiet for a moment', { quietSinceMs: NOW_MS - MINUTE_MS }, 'hardly used for 1m, and is to be for 15m'],
    ['it is empty', { vms: [] }, 'it is empty'],
  ])('%s -> left alone, and said so', (_, change, why) => {
    const decision = chooseMove(RULE, [member('a', [idle('a1')], change), BUSY], NOW_MS);
    expect([decision.move, decision.why.get('a')]).toEqual([null, why]);
  });

  it('one of its VMs has no place, or can never be moved -> none is moved', () => {
    const full = member('b', [used('b1'), used('b2'), idle('b3')]);
    const source = member('a', [idle('a1'), idle('a2')]);
    const decision = chooseMove(RULE, [source, full], NOW_MS);
    expect([decision.move, decision.why.get('a')]).toEqual([
      null,
      'its 2 VMs have no place: 1 more on platforms that are used more',
    ]);
    const fixed = member('a', [idle('a1'), { ...idle('a2'), fixedBy: 'its listener defers' }]);
    expect(chooseMove(RULE, [fixed, BUSY], NOW_MS).why.get('a')).toBe('a2 cannot be moved: its listener defers');
  });

  it('nobody is active anywhere -> nothing moves: both may sleep; one is a spare -> the other goes there', () => {
    const [a, b] = [member('a', [idle('a1')]), member('b', [idle('b1'), idle('b2')])];
    expect(chooseMove(RULE, [a, b], NOW_MS).move).toBeNull();
    const spare = { ...a, isSpare: true, staysFor: 'a spare' };
    expect(chooseMove(RULE, [spare, b], NOW_MS).move).toMatchObject({ from: 'b', to: 'a' });
  });

  it('any pool -> never beyond the capacity, never an active VM, never off or onto a platform that says no', () => {
    fc.assert(
      fc.property(pools(), fc.boolean(), (members, moveActive) => {
        const { move } = chooseMove({ ...RULE, moveActive }, members, NOW_MS);
        if (move === null) return;
        const [from, to] = [move.from, move.to].map((name) => members.find(({ platform }) => platform === name));
        const vm = from?.vms.find((each) => each.vm === move.vm);
        if (from === undefined || to === undefined || vm === undefined) throw new Error('it moves what is not there');
        expect(to.vms.length).toBeLessThan(RULE.vmsPerPlatform);
        expect([from.isAwake, from.staysFor, from.closedFor]).toEqual([true, null, null]);
        expect([to.isAwake, to.closedFor, to.platform !== from.platform]).toEqual([true, null, true]);
        expect(to.isSpare || countUsed(to) > 0).toBe(true);
        expect(countUsed(from)).toBeLessThanOrEqual(RULE.activeAtMost);
        expect(Math.max(vm.restsUntilMs, from.tookUntilMs, to.gaveUntilMs)).toBeLessThanOrEqual(NOW_MS);
        if (!moveActive) expect(NOW_MS - (vm.idleSinceMs ?? NOW_MS)).toBeGreaterThanOrEqual(RULE.idleForMs);
      }),
      PARAMETERS,
    );
  });

  it('any pool -> what it would move there it would not move back at once, with the roles of both changed in nothing else', () => {
    fc.assert(
      fc.property(pools(), (members) => {
        const free = members.map((each) => ({ ...each, tookUntilMs: 0, gaveUntilMs: 0 }));
        const { move } = chooseMove(RULE, free, NOW_MS);
        if (move === null) return;
        const moved = free.find(({ platform }) => platform === move.from)?.vms.find(({ vm }) => vm === move.vm);
        const after = free.map((each) => {
          if (each.platform === move.from) return { ...each, vms: each.vms.filter(({ vm }) => vm !== move.vm) };
          return each.platform === move.to ? { ...each, vms: [...each.vms, moved as EvacuationVm] } : each;
        });
        const next = chooseMove(RULE, after, NOW_MS).move;
        expect(next?.from === move.to && next.to === move.from).toBe(false);
      }),
      PARAMETERS,
    );
  });

  it('days of a pool whose users come and go -> VMs are moved, or what follows says nothing', () => {
    const moves = [...playDays(new Random(1)).values()].flat();
    expect(moves.length).toBeGreaterThan(0);
  });

  it('days of any pool whose users come and go -> no VM moves twice within its rest, and no platform is ever beyond its capacity', () => {
    const runs = { ...PARAMETERS, numRuns: Math.ceil(PARAMETERS.numRuns / 10) };
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 }), (seed) => {
        const movedAtMs = playDays(new Random(seed));
        for (const moments of movedAtMs.values())
          moments.slice(1).forEach((atMs, index) => {
            expect(atMs - (moments[index] as number)).toBeGreaterThanOrEqual(RULE.restForMs);
          });
      }),
      runs,
    );
  });
});

function pools(): fc.Arbitrary<EvacuationMember[]> {
  const moment = fc.integer({ min: NOW_MS - 2 * RULE.restForMs, max: NOW_MS + RULE.restForMs });
  const vm = fc.record({
    active: fc.nat({ max: 1 }),
    idleSinceMs: fc.integer({ min: NOW_MS - 2 * RULE.idleForMs, max: NOW_MS }),
    restsUntilMs: moment,
    fixedBy: fc.option(fc.constant('it is fixed'), { freq: 20 }).map((text) => text ?? null),
  });
  const one = fc.record({
    isAwake: fc.boolean(),
    isSpare: fc.boolean(),
    staysFor: fc.constantFrom(null, null, null, 'it stays'),
    closedFor: fc.constantFrom(null, null, null, 'it is closed'),
    quietSinceMs: fc.integer({ min: NOW_MS - 2 * RULE.quietForMs, max: NOW_MS }),
    tookUntilMs: moment,
    gaveUntilMs: moment,
    vms: fc.array(vm, { maxLength: RULE.vmsPerPlatform + 1 }),
  });
  return fc.array(one, { minLength: 1, maxLength: 6 }).map((list) =>
    list.map((each, index) => ({
      ...each,
      platform: `p${index}`,
      vms: each.vms.map((fact, at) => ({
        ...fact,
        vm: `p${index}-${at}`,
        idleSinceMs: fact.active > 0 ? null : fact.idleSinceMs,
      })),
    })),
  );
}

/** Three platforms, a minute at a time, with the bookkeeping that the rule's words ask for. Answers each VM's moves. */
function playDays(random: Random): Map<string, number[]> {
  const platforms = ['a', 'b', 'c'];
  const place = new Map(['v1', 'v2', 'v3', 'v4', 'v5', 'v6'].map((vm, index) => [vm, platforms[index % 3] as string]));
  const idleSince = new Map<string, number | null>([...place.keys()].map((vm) => [vm, 0]));
  const quietSince = new Map<string, number | null>();
  const [took, gave, rests] = [new Map<string, number>(), new Map<string, number>(), new Map<string, number>()];
  const moved = new Map<string, number[]>([...place.keys()].map((vm) => [vm, []]));
  for (let nowMs = 0; nowMs < 2 * 24 * 60 * MINUTE_MS; nowMs += MINUTE_MS) {
    for (const [vm, sinceMs] of idleSince)
      if (random.chance(sinceMs === null ? 0.02 : 0.01)) idleSince.set(vm, sinceMs === null ? nowMs : null);
    const members = platforms.map((platform) => {
      const vms = [...place].flatMap(([vm, at]) => {
        const sinceMs = idleSince.get(vm) ?? null;
        const active = sinceMs === null ? 1 : 0;
        return at === platform
          ? [{ vm, active, idleSinceMs: sinceMs, restsUntilMs: rests.get(vm) ?? 0, fixedBy: null }]
          : [];
      });
      const isQuiet = countUsed({ vms }) <= RULE.activeAtMost;
      quietSince.set(platform, isQuiet ? (quietSince.get(platform) ?? nowMs) : null);
      const times = { tookUntilMs: took.get(platform) ?? 0, gaveUntilMs: gave.get(platform) ?? 0 };
      return { ...member(platform, vms), ...times, quietSinceMs: quietSince.get(platform) ?? null };
    });
    const { move } = chooseMove(RULE, members, nowMs);
    if (move === null) continue;
    place.set(move.vm, move.to);
    for (const [map, key] of [
      [took, move.to],
      [gave, move.from],
      [rests, move.vm],
    ] as const)
      map.set(key, nowMs + RULE.restForMs);
    moved.get(move.vm)?.push(nowMs);
    for (const platform of platforms)
      expect([...place.values()].filter((at) => at === platform).length).toBeLessThanOrEqual(RULE.vmsPerPlatform);
  }
  return moved;
}
