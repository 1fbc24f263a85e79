// Three platforms under one Torpor, asleep and awake at the same time: each has its own press, its own wake, its own client's bytes.
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { LineClient } from '../support/line-client.ts';
import { freePort } from '../support/ports.ts';
import { describeWhere } from '../support/requirements.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { writeFarmConfig } from '../support/torpor-config.ts';
import { TorporProcess } from '../support/torpor-process.ts';
import { Rig, rigMissing } from './rig.ts';
import { type Answer, ASLEEP_BOUND_MS, askService, destructive, presses, readAnswer, rigSetUp } from './rig-service.ts';

const NAMES = ['rig-a', 'rig-b', 'rig-c'] as const;
const ROUNDS = 2;
/** How long two are left asleep while the third one's client is at work. */
const LEFT_ASLEEP_MS = 3_000;

interface Place {
  readonly name: string;
  readonly rig: Rig;
  readonly client: LineClient;
  last: Answer;
}

describeWhere(rigMissing(), 'three QEMU platforms under one Torpor', () => {
  const rigs: Rig[] = [];
  let folder: TempFolder;
  let torpor: TorporProcess;
  const ports: number[] = [];

  beforeAll(async () => {
    // One after the other: three at once would wait for each other's emulated processors.
    for (const _ of NAMES) rigs.push(await Rig.start({ RIG_FAST: '1' }));
    console.log(`rigs: up in ${rigs.map(({ facts }) => facts.bootMs).join(', ')} ms (${rigs[0]?.facts.accelerator})`);
    folder = new TempFolder('rig-three');
    const apiPort = await freePort();
    for (const _ of NAMES) ports.push(await freePort());
    const platforms = rigs.map((rig, index) => ({
      ...rigSetUp(rig, NAMES[index] as string, ports[index] as number),
      // Each suspend is asked for, so that each press has one known intent.
      minAwake: '1h',
    }));
    torpor = await TorporProcess.run(writeFarmConfig(folder, { apiPort, platforms }), apiPort);
  }, 600_000);

  afterAll(async () => {
    await torpor?.stop();
    for (const rig of rigs) await rig.stop();
    folder?.remove();
  });

  /** Without force: whoever is active is waited for, and so is a BMC that is late. */
  async function fallAsleep({ name, rig }: Place): Promise<void> {
    const isAsleep = async () => {
      const { state } = await torpor.platform(name);
      if (state === 'asleep') return true;
      if (state !== 'awake') return false;
      const [status, body] = await torpor.ask(name, 'sleep');
      throw new Error(`${status} ${JSON.stringify(body)}`);
    };
    await eventually(`${name} to be asleep`, isAsleep, { withinMs: ASLEEP_BOUND_MS, everyMs: 250 });
    expect(await rig.state()).toBe('suspended');
  }

  /** A line, answered once by the memory that knew the client before. */
  async function work(place: Place, line: string): Promise<void> {
    const wroteAtMs = performance.now();
    const answer = await askService(place.client, line);
    console.log(`${place.name}: from the client's line to its answer ${Math.round(performance.now() - wroteAtMs)} ms`);
    expect(answer).toEqual({ count: place.last.count + 1, boot: place.last.boot, line });
    expect(place.client.unread).toEqual([]);
    place.last = answer;
  }

  test(`rig: three asleep at once, one woken alone, two at once, ${ROUNDS} rounds -> each line once, one press for each sleep, counted so`, async () => {
    const places: Place[] = [];
    for (const [index, name] of NAMES.entries()) {
      const client = await LineClient.connect(ports[index] as number);
      client.write('hello\n');
      places.push({ name, rig: rigs[index] as Rig, client, last: await readAnswer(client) });
    }
    try {
      for (let round = 0; round < ROUNDS; round += 1) {
        await Promise.all(places.map(fallAsleep));
        const [first, ...others] = [...places.slice(round), ...places.slice(0, round)] as [Place, Place, Place];
        await work(first, `alone ${round}`);
        await sleep(LEFT_ASLEEP_MS);
        for (const { rig } of others) expect(await rig.state()).toBe('suspended');
        await Promise.all(others.map((place) => work(place, `at once ${round}`)));
      }
      for (const { name, rig } of places) {
        const { suspends, wakes, adoptedWakes, failures } = await torpor.waitForState(name, 'awake', 60_000);
        const commands = rig.chassisCommands();
        expect([name, suspends, wakes, adoptedWakes]).toEqual([name, ROUNDS, ROUNDS, 0]);
        // A press that came too soon after a resume is ignored by the guest, and not repeated for that intent.
        expect(presses(commands)).toHaveLength(suspends + failures);
        expect(presses(commands).every(({ stateBefore }) => stateBefore === 'running')).toBe(true);
        expect(destructive(commands)).toEqual([]);
      }
    } finally {
      for (const { client } of places) client.destroy();
    }
  });
});
