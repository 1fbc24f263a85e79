// Random hypervisors, failures, calls off, deaths of Torpor and power cuts: no VM that was saved is ever lost or booted anew.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { VmSaver } from '../../../src/power/context/vm-saver.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { FakeHypervisor, type FakeVm } from './support/fake-hypervisor.ts';
import { MemoryRecord } from './support/memory-record.ts';

const SEED = Number(process.env.TORPOR_SEED ?? Date.now() % 2 ** 31);
console.log(`vm-saver.property: seed ${SEED} (TORPOR_SEED repeats it, TORPOR_RUNS runs more)`);
const PARAMETERS = { seed: SEED, numRuns: Number(process.env.TORPOR_RUNS ?? 150) };

const vm = fc.record(
  {
    state: fc.constantFrom('running' as const, 'running' as const, 'running' as const, 'off' as const),
    saveFails: fc.constantFrom('no space left'),
    obstacle: fc.constantFrom('is transient'),
    startFailures: fc.constantFrom(1),
  },
  { requiredKeys: ['state'] },
);
/** At most one thing in five goes wrong for one VM. */
const sane = fc.oneof({ weight: 4, arbitrary: vm.map(({ state }) => ({ state })) }, { weight: 1, arbitrary: vm });

const history = fc.record({
  vms: fc.array(sane, { minLength: 1, maxLength: 4 }),
  callOffAfterMs: fc.option(fc.integer({ min: 0, max: 5_000 })),
  diesAfterMs: fc.option(fc.integer({ min: 0, max: 5_000 })),
  silentTries: fc.nat({ max: 3 }),
  cutsPower: fc.boolean(),
  parallel: fc.constantFrom(1, 2, 3),
});

describe('VmSaver: whatever happens', () => {
  it('save, then restore until it is done -> what ran and was saved runs with its memory, what was off stays off, no record is left', async () => {
    let saved = 0;
    await fc.assert(
      fc.asyncProperty(history, async ({ vms, callOffAfterMs, diesAfterMs, silentTries, cutsPower, parallel }) => {
        const clock = new FakeClock();
        const record = new MemoryRecord();
        const start = (one: (typeof vms)[number]): FakeVm => ({ ...one, ram: one.state === 'running' ? 7 : 0 });
        const hypervisor = new FakeHypervisor(clock, Object.fromEntries(vms.map((one, i) => [`vm${i}`, start(one)])));
        const build = () =>
          new VmSaver({ hypervisor, vms: 'all', parallel, timeoutMs: 60_000, record, clock, tell: () => {} });
        const abort = new AbortController();
        if (callOffAfterMs !== null) clock.schedule(callOffAfterMs, () => abort.abort());
        let veto: string | null | 'died' = 'died';
        const saving = build()
          .save(abort.signal)
          .then((answer) => {
            veto = answer;
          });
        if (diesAfterMs === null) {
          await Promise.all([saving, clock.advance(20_000)]);
        } else {
          await clock.advance(diesAfterMs);
          // What it began goes on at the hypervisor, and ends.
          await clock.advance(20_000);
          await settle();
        }
        const isWhole = veto === null;
        for (const [name, one] of hypervisor.vms) {
          if (isWhole) expect([name, one.state]).not.toEqual([name, 'running']);
          if (one.state === 'saved') saved += 1;
        }
        // Nobody presses after a veto, so only a whole save may lose the power.
        if (cutsPower && isWhole) hypervisor.powerOff();
        const saver = build();
        hypervisor.answers = false;
        for (let i = 0; i < silentTries; i += 1) {
          const problem = saver.restore(new AbortController().signal);
          await clock.advance(60_000);
          expect((await problem) === null).toBe(record.vms.length === 0);
        }
        hypervisor.answers = true;
        const restoring = saver.restore(new AbortController().signal);
        await clock.advance(120_000);
        expect(await restoring).toBeNull();
        expect(record.vms).toEqual([]);
        const after = [...hypervisor.vms.values()].map(({ state, ram }) => ({ state, ram }));
        const before = vms.map(({ state }) => ({ state, ram: state === 'running' ? 7 : 0 }));
        expect(after).toEqual(before);
      }),
      PARAMETERS,
    );
    expect(saved).toBeGreaterThan(10);
  });
});
