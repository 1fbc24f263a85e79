// A stage with one connected client, and what every fault must leave true: one press for one intent, and nothing that costs memory.
import { expect } from 'vitest';
import type { StateName } from '../../../src/platform/status.ts';
import type { HostPhase } from '../../../src/power/simulated/simulated-host.ts';
import { eventually } from '../../support/eventually.ts';
import type { LineClient } from '../../support/line-client.ts';
import type { TorporApi } from '../../support/torpor-api.ts';
import type { TorporHere } from '../../support/torpor-here.ts';
import { PLATFORM, type Stage } from './stage.ts';

/** Nothing falls asleep by itself: each suspend is asked for, so that each press of the button has one known intent. */
export const ON_REQUEST = { idleTimeout: '500ms', minAwake: '10m' };
/** For an answer that a fault delays. */
export const PATIENCE_MS = 90_000;

export interface Scene extends AsyncDisposable {
  readonly stage: Stage;
  readonly torpor: TorporHere;
  readonly client: LineClient;
}

/** An awake platform, its BMC read and its wake proven, and a client whose first line was answered. */
export async function openScene(stage: Stage): Promise<Scene> {
  const torpor = await stage.runHere();
  await stage.readyToSleep(torpor);
  const client = await stage.connect();
  expect(await client.ask('one', PATIENCE_MS)).toMatch(/ n=1 .*one$/);
  return { stage, torpor, client, [Symbol.asyncDispose]: async () => client.destroy() };
}

/**
 * Asks for sleep, without force, until it gets as far as `to`: an active client must be away first, and a machine too busy to
 * look at its send queues in time calls the suspend off, which an operator forgives.
 */
export async function askForSleep(
  { torpor }: { readonly torpor: TorporApi },
  to: StateName = 'suspending',
  withinMs = PATIENCE_MS,
): Promise<void> {
  const seen = () => torpor.output.split(`-> ${to}:`).length;
  const before = seen();
  await eventually(
    `the platform to be ${to}`,
    async () => {
      if (seen() > before) return true;
      const { state, blockers } = await torpor.platform(PLATFORM);
      if (state !== 'awake') return false;
      if (blockers.some(({ kind }) => kind === 'back-off')) await torpor.ask(PLATFORM, 'release');
      const [status, body] = await torpor.ask(PLATFORM, 'sleep');
      throw new Error(`${status} ${JSON.stringify(body)}`);
    },
    { withinMs, everyMs: 100 },
  );
}

export function untilHostIs(stage: Stage, phase: HostPhase): Promise<unknown> {
  return eventually(`the host to be ${phase}`, () => stage.platform.host.phase === phase, { everyMs: 5 });
}

/** The press is there: what a client sends from now on came after it. */
export function untilPressed(stage: Stage): Promise<unknown> {
  return eventually('the press', () => stage.platform.host.buttonPresses > 0, { everyMs: 5 });
}

/** Sent to sleep with its client idle, and seen asleep. */
export async function sleepScene(scene: Scene): Promise<void> {
  await askForSleep(scene);
  await scene.torpor.waitForState(PLATFORM, 'asleep');
}

/** Runs at the very moment of a change, before anything else can. */
export function atPhase(stage: Stage, phase: HostPhase, run: () => void): void {
  const stop = stage.platform.host.onChange((change) => {
    if (change.phase !== phase) return;
    stop();
    run();
  });
}

/**
 * The BMC was never asked for anything that costs memory, and for sleep exactly this often; at no press was a client in the pool,
 * nor had one sent a byte within its idle time-out.
 */
export async function expectNoHarm({ platform, presses: watch }: Stage, presses: number): Promise<void> {
  const { chassisActions } = platform.bmc;
  expect(chassisActions.filter((action) => action !== 'soft' && action !== 'power-on')).toEqual([]);
  expect(chassisActions.filter((action) => action === 'soft')).toHaveLength(presses);
  expect(platform.host.buttonPresses).toBe(presses);
  expect(await watch.overActive()).toEqual([]);
  expect(watch.presses).toBe(presses);
}

/** It stays awake because of its BMC, even where somebody forces it, and the reason is told. */
export async function expectRefused({ torpor }: Pick<Scene, 'torpor'>, why: RegExp): Promise<void> {
  const isBlocked = async () => {
    const { blockers } = await torpor.platform(PLATFORM);
    if (blockers.some((blocker) => blocker.kind === 'bmc' && why.test(blocker.why))) return true;
    throw new Error(JSON.stringify(blockers));
  };
  await eventually(`a blocker that says ${why}`, isBlocked, { withinMs: PATIENCE_MS });
  const [status, body] = await torpor.ask(PLATFORM, 'sleep', { force: true });
  expect([status, JSON.stringify(body)]).toEqual([409, expect.stringMatching(why)]);
}

/** The next line is the client's second or later one, answered once by the VM that knew it before. */
export async function expectAnswered({ client, stage }: Scene, number: number, line: string): Promise<void> {
  expect(await client.readLine(PATIENCE_MS)).toBe(`vmalice n=${number} boot=${stage.platform.host.bootId} ${line}`);
  expect(client.unread).toEqual([]);
}
