// Sessions over a network with random loss, doubling, delay and BMC restarts: every command ends, with the right answer or a named error, and no deed is done twice.
import { randomInt } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TorporError } from '../../../src/platform/errors.ts';
import { CHASSIS_CONTROL } from '../../../src/power/ipmi/commands/chassis-control.ts';
import { GET_CHASSIS_STATUS } from '../../../src/power/ipmi/commands/get-chassis-status.ts';
import { GET_SENSOR_READING } from '../../../src/power/ipmi/commands/get-sensor-reading.ts';
import { DEFAULT_BOUNDS } from '../../../src/power/ipmi/session-bounds.ts';
import { settleBy, setUpBench } from '../support/bmc-bench.ts';
import type { Fate } from '../support/memory-network.ts';

const SEED = Number(process.env.TORPOR_FUZZ_SEED ?? randomInt(2 ** 31));
const RUNS = Number(process.env.TORPOR_FUZZ_RUNS ?? 150);
const sum = (waitsMs: readonly number[]) => waitsMs.reduce((total, waitMs) => total + waitMs, 0);
/** Capabilities, open session, RAKP 1 and 3, the cipher suites' list and the privilege. */
const ACTIVATION_MESSAGES = 6;
/** A command is asked in two sessions at most, and each may be begun three times, every message of it answered at the last moment. */
const COMMAND_BOUND_MS =
  2 *
  (DEFAULT_BOUNDS.maxActivations * ACTIVATION_MESSAGES * sum(DEFAULT_BOUNDS.activationWaitsMs) +
    sum(DEFAULT_BOUNDS.noRoomWaitsMs) +
    sum(DEFAULT_BOUNDS.commandWaitsMs));

type Act = 'status' | 'meter' | 'press' | 'press once' | 'restart' | 'pause';

/** Consumes one random number per datagram: lost, doubled, late or on time. */
function fateOf(numbers: readonly number[], lossPercent: number): Fate {
  let next = 0;
  return () => {
    const number = numbers[next % numbers.length] as number;
    next += 1;
    if (number % 100 < lossPercent) return [];
    const delayMs = 1 + ((number >> 8) % 40);
    if ((number >> 16) % 10 === 0) return [delayMs, delayMs + 7];
    return (number >> 16) % 10 === 1 ? [delayMs + 600] : [delayMs];
  };
}

const scenario = fc.record({
  cipherSuite: fc.constantFrom('auto' as const, 3 as const, 17 as const),
  lossPercent: fc.integer({ min: 0, max: 35 }),
  toBmc: fc.array(fc.nat(2 ** 30), { minLength: 50, maxLength: 50 }),
  toConsole: fc.array(fc.nat(2 ** 30), { minLength: 50, maxLength: 50 }),
  acts: fc.array(fc.constantFrom<Act>('status', 'meter', 'press', 'press once', 'restart', 'pause'), {
    minLength: 1,
    maxLength: 12,
  }),
});

describe('BMC session on a bad network', { timeout: 60_000 + RUNS * 50 }, () => {
  it('any faults, any commands -> each ends within its bound; answers are right, presses are not doubled', async () => {
    let commands = 0;
    let failed = 0;
    await fc.assert(
      fc.asyncProperty(scenario, async ({ cipherSuite, lossPercent, toBmc, toConsole, acts }) => {
        const { clock, host, bmc, network, session } = setUpBench({ host: { button: 'ignore' } });
        network.toBmc = fateOf(toBmc, lossPercent);
        network.toConsole = fateOf(toConsole, lossPercent);
        const console = session({ cipherSuite });
        let presses = 0;
        let restarts = 0;
        const ask = async (act: Act): Promise<void> => {
          if (act === 'status') expect((await console.run(GET_CHASSIS_STATUS, undefined)).powerOn).toBe(true);
          if (act === 'meter') expect((await console.run(GET_SENSOR_READING, 2)).value).toBe(184);
          if (act === 'press' || act === 'press once') presses += 1;
          if (act === 'press') await console.run(CHASSIS_CONTROL, 'soft');
          if (act === 'press once') await console.run(CHASSIS_CONTROL, 'soft', { once: true });
        };
        const running: Promise<void>[] = [];
        for (const act of acts) {
          if (act === 'restart') {
            restarts += 1;
            bmc.restart();
          } else if (act === 'pause') await clock.advance(500);
          else {
            commands += 1;
            const asked = ask(act).catch((thrown: unknown) => {
              if (!(thrown instanceof TorporError)) throw thrown;
              failed += 1;
            });
            running.push(asked);
          }
        }
        await settleBy(clock, COMMAND_BOUND_MS, Promise.all(running));
        // A command that was repeated in a new session may have been done in the old one as well: once per session.
        expect(host.buttonPresses).toBeLessThanOrEqual(presses * (restarts + console.activations));
        if (lossPercent === 0 && restarts === 0) expect(host.buttonPresses).toBe(presses);
        await settleBy(clock, 2000, console.close());
        expect(network.isOpen).toBe(false);
      }),
      { numRuns: RUNS, seed: SEED },
    );
    console.log(`sessions: ${RUNS} runs, ${commands} commands, ${failed} ended in a named error, seed ${SEED}`);
  });

  it('presses that may be sent once -> never more presses than requests, whatever the network does', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ cipherSuite, lossPercent, toBmc, toConsole, acts }) => {
        const { clock, host, bmc, network, session } = setUpBench({ host: { button: 'ignore' } });
        network.toBmc = fateOf(toBmc, lossPercent);
        network.toConsole = fateOf(toConsole, lossPercent);
        const console = session({ cipherSuite });
        const running = acts.map(async (act) => {
          if (act === 'restart') bmc.restart();
          await console.run(CHASSIS_CONTROL, 'soft', { once: true }).catch(() => {});
        });
        await settleBy(clock, COMMAND_BOUND_MS, Promise.all(running));
        expect(host.buttonPresses).toBeLessThanOrEqual(acts.length);
        await settleBy(clock, 2000, console.close());
      }),
      { numRuns: Math.ceil(RUNS / 3), seed: SEED },
    );
  });
});
