// docs/first-hour.md: every command that it shows is run, in its order, against a simulated platform over real sockets; TORPOR_WRITE_DOCS=1 writes what they print.
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, test } from 'vitest';
import type { SavingsReport } from '../../src/platform/history.ts';
import { PLATFORM, Stage } from '../e2e/support/stage.ts';
import { eventually } from '../support/eventually.ts';
import type { LineClient } from '../support/line-client.ts';
import { runTorpor, type TorporProcess } from '../support/torpor-process.ts';
import { PageRecorder } from './support/page-recorder.ts';
import { standOf } from './support/stage-stand.ts';
import { typeAway } from './support/type-away.ts';

const page = new PageRecorder('docs/first-hour.md', () =>
  standOf(stage, (args) => runTorpor(args, { TORPOR_API: `http://127.0.0.1:${stage.apiPort}` })),
);
const show = page.show.bind(page);

let stage: Stage;
let torpor: TorporProcess;
let client: LineClient;

beforeAll(async () => {
  stage = await Stage.open({
    mode: 'observe',
    idleTimeout: '2s',
    minAwake: '0s',
    drowsyFor: '1s',
    // As fast as the simulated host is.
    idleCosts: { suspend: '400ms', resume: '250ms' },
    power: { watts: { busy: 320, idle: 180, asleep: 9 } },
  });
});

afterAll(async () => {
  client?.destroy();
  await stage?.[Symbol.asyncDispose]();
  page.finish();
});

async function predictedWakes(): Promise<number | undefined> {
  const response = await fetch(`http://127.0.0.1:${stage.apiPort}/api/v1/savings`);
  return ((await response.json()) as SavingsReport).predicted?.wakes;
}

async function restartArmed(): Promise<void> {
  client.destroy();
  await torpor.stop();
  writeFileSync(stage.configPath, readFileSync(stage.configPath, 'utf8').replace('mode: observe', 'mode: armed'));
  torpor = await stage.run();
  await stage.readyToSleep(torpor);
  client = await stage.connect();
}

describe('docs/first-hour.md', () => {
  test('before anything runs -> check tells what works', () => show('check', 'check --config torpor.yaml'));

  test('observing, somebody types -> what it sees', async () => {
    torpor = await stage.run();
    await stage.readyToSleep(torpor);
    client = await stage.connect();
    await using _typing = typeAway(client);
    await show('status', 'status');
    await show('explain', `explain ${PLATFORM}`);
    await show('streams', 'streams');
  });

  test('observing, nobody types any more -> the report has what would have happened', async () => {
    const wouldHaveSlept = async () => ((await torpor.report())[0]?.wouldHaveSlept.totalMs ?? 0) > 2_000;
    await eventually('it would have slept for a while', wouldHaveSlept, { withinMs: 60_000 });
    // Somebody is back: a wake that would have been.
    await using _typing = typeAway(client);
    await eventually('that sleep to be over', async () => (await torpor.report())[0]?.wouldHaveSlept.wakes === 1);
    const isStored = async () => (await predictedWakes()) === 1;
    await eventually('the history to have it', isStored);
    await show('report', 'report');
    await show('savings', 'savings --last 1d');
  });

  test('armed, nobody types -> asleep; somebody types -> awake; the events have it', async () => {
    await restartArmed();
    await client.ask('ls');
    await torpor.waitForState(PLATFORM, 'asleep');
    await show('asleep', 'status');
    await show('why asleep', `explain ${PLATFORM}`);
    await using _typing = typeAway(client);
    await torpor.waitForState(PLATFORM, 'awake');
    await show('events', 'events', { tail: 13 });
    await show('refused', `sleep ${PLATFORM}`, { exitCode: 1 });
  });

  test('an inhibitor -> it stays awake and says why, until released', async () => {
    {
      await using _typing = typeAway(client);
      await show('inhibit', `inhibit ${PLATFORM} --for 2h --why "nightly build"`);
    }
    await eventually('nobody to be active', async () => (await torpor.platform(PLATFORM)).pool === 0);
    await show('inhibited', `explain ${PLATFORM}`);
    await show('release', `release ${PLATFORM}`);
    await torpor.waitForState(PLATFORM, 'asleep');
  });

  test('every block of the page was recorded here', () => page.expectAll());
});
