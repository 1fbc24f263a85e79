// What every client must show, in order: idle under its chatter, active by one key, slept under, woken by a key. Starts none.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../../src/system-clock.ts';
import { eventually } from '../../support/eventually.ts';
import { describeWhere } from '../../support/requirements.ts';
import { LiveSession } from './live-session.ts';

/** A real client program with its user, connected through Torpor. */
export interface LiveClient {
  readonly isConnected: boolean;
  /** Gives one key to the client program, as its user would, and does not wait for anything. */
  press(key: string): void;
  /** Keys that arrived in the VM, in order. */
  readonly keys: string;
  /** What its user sees. It changes when a key is echoed, and not by itself. */
  view(): string;
  /** Waits for the moment at which a key meets the client's own timers worst. Default: any moment. */
  awaitWorstMoment?(): Promise<void>;
  end(): Promise<void>;
}

/** A machine that is too busy may let chatter come late, and detection takes it for somebody: a step is tried once more. */
const AGAIN = { retry: 1 } as const;

const STEPS = ['idle', 'key', 'night', 'wake', 'second night'] as const;
export type Step = (typeof STEPS)[number];

export interface ClientPlan {
  /** Why it is skipped: of `requires`. */
  readonly missing: string | null;
  /** Starts the server in the VM, Torpor, and the client; resolves once the client's user could type. */
  readonly start: (session: LiveSession) => Promise<LiveClient>;
  /** How long it must stay inactive in a row, and asleep: several of its keepalives. */
  readonly quietMs: number;
  /** Whether it sends bytes while its user does nothing: while the platform is awake, and while it sleeps. */
  readonly chatters: { readonly awake: boolean; readonly asleep: boolean };
  /** Steps that detection does not manage yet, each with the reason. They must fail, so that nobody forgets to take them out. */
  readonly knownFailures?: Partial<Readonly<Record<Step, string>>>;
  /** Default: all. */
  readonly steps?: readonly Step[];
  /** Within this time its chatter must be known. */
  readonly learnsWithinMs: number;
}

export function describeClient(name: string, plan: ClientPlan): void {
  describeWhere(plan.missing, name, () => {
    let session: LiveSession;
    let client: LiveClient;
    const step = (which: Step, title: string, run: () => Promise<void>) => {
      if (!(plan.steps ?? STEPS).includes(which)) return;
      const reason = plan.knownFailures?.[which];
      if (reason === undefined) it(`${name}: ${title}`, AGAIN, run);
      else it.fails(`${name}: ${title} (known failure: ${reason})`, run);
    };

    beforeAll(async () => {
      session = await LiveSession.open();
      client = await plan.start(session);
    });

    afterAll(async () => {
      session?.vm.thaw();
      await client?.end();
      await session?.[Symbol.asyncDispose]();
    });

    step('idle', 'connected, its user idle, the platform kept awake -> inactive, and stays so', async () => {
      await session.stayAwake();
      const before = await session.stream();
      await session.waitQuiet(plan.quietMs, plan.learnsWithinMs);
      const after = await session.stream();
      expect(after.active).toBe(false);
      expect(after.bytesFromClient > before.bytesFromClient).toBe(plan.chatters.awake);
      expect(client.isConnected).toBe(true);
    });

    step('key', 'one key -> active at once, the key arrives', async () => {
      await session.stayAwake();
      await session.waitQuiet(500, plan.learnsWithinMs);
      await client.awaitWorstMoment?.();
      const viewBefore = client.view();
      const keys = `${client.keys}a`;
      const pressedAtMs = systemClock.nowMs();
      client.press('a');
      const activeAtMs = await session.becameActiveAfter(pressedAtMs);
      console.log(`${name}: active ${(activeAtMs - pressedAtMs).toFixed(1)} ms after the key was given to the client`);
      await eventually('the key to arrive', () => client.keys === keys);
      await eventually('the key to be shown', () => client.view() !== viewBefore);
    });

    step('night', 'its user idle -> the platform sleeps under it, and stays asleep', async () => {
      await session.mayFallAsleep();
      await sleepThrough(session, plan);
      expect(client.isConnected).toBe(true);
    });

    step('wake', 'asleep, one key -> wakes, the key arrives once, the session goes on', async () => {
      await client.awaitWorstMoment?.();
      await session.fallAsleepNow();
      await wakeByKey(session, client, 'b');
    });

    step('second night', 'its user idle again -> asleep again under its chatter, woken by the next key', async () => {
      await sleepThrough(session, plan);
      await wakeByKey(session, client, 'c');
    });

    async function wakeByKey(at: LiveSession, from: LiveClient, key: string): Promise<void> {
      const { host } = at.stage.platform;
      const { buttonPresses, bootId, phase } = host;
      const viewBefore = from.view();
      const keys = from.keys + key;
      const pressedAtMs = systemClock.nowMs();
      from.press(key);
      await eventually('the key to arrive in the VM', () => from.keys === keys, { context: () => at.diary.text() });
      console.log(
        `${name}: ${phase}; ${(systemClock.nowMs() - pressedAtMs).toFixed(0)} ms from the key to its arrival`,
      );
      await eventually('the key to be shown', () => from.view() !== viewBefore);
      expect(from.keys).toBe(keys);
      expect(from.isConnected).toBe(true);
      expect([host.phase, host.bootId, host.buttonPresses]).toEqual(['running', bootId, buttonPresses]);
    }
  });
}

/** From now on until several of its keepalives have passed the platform falls asleep once, and does not wake. */
async function sleepThrough(session: LiveSession, { quietMs, chatters }: ClientPlan): Promise<void> {
  const { changes, platform } = session.stage;
  await session.run();
  const changesBefore = changes.length;
  await session.waitAsleep();
  const before = await session.stream();
  await sleep(quietMs);
  const after = await session.stream();
  const phases = changes.slice(changesBefore).map(({ phase }) => phase);
  expect(phases, session.diary.text()).toEqual(['suspending', 'asleep']);
  expect(platform.host.phase).toBe('asleep');
  expect(after.bytesFromClient > before.bytesFromClient).toBe(chatters.asleep);
}
