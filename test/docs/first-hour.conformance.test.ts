// docs/first-hour.md: every command that it shows is run, in its order, against a simulated platform over real sockets; TORPOR_WRITE_DOCS=1 writes what they print.
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PLATFORM, Stage } from '../e2e/support/stage.ts';
import { eventually } from '../support/eventually.ts';
import type { LineClient } from '../support/line-client.ts';
import { runTorpor, type TorporProcess } from '../support/torpor-process.ts';
import { RecordedPage, withoutWhatChanges } from './support/recorded-page.ts';

const page = new RecordedPage(new URL('../../docs/first-hour.md', import.meta.url));
const writes = process.env.TORPOR_WRITE_DOCS === '1';

/** Well within the idle time-out. */
const TYPE_EVERY_MS = 300;

let stage: Stage;
let torpor: TorporProcess;
let client: LineClient;
const recorded = new Map<string, string>();

beforeAll(async () => {
  stage = await Stage.open({
    mode: 'observe',
    idleTimeout: '2s',
    minAwake: '0s',
    drowsyFor: '1s',
    power: { watts: { busy: 320, idle: 180, asleep: 9 } },
  });
});

afterAll(async () => {
  client?.destroy();
  await stage?.[Symbol.asyncDispose]();
  if (writes) page.rewrite(recorded);
});

/** As the page shows it: its own addresses and paths in the place of the test's. */
function asShown(text: string): string {
  return text
    .replaceAll(`127.0.0.1:${stage.apiPort}`, '127.0.0.1:7070')
    .replaceAll(`127.0.0.1:${stage.listenPort}`, '127.0.0.1:10022')
    .replaceAll(`127.0.0.1:${stage.platform.vmPorts[0]}`, '127.0.0.1:2022')
    .replaceAll(`127.0.0.1:${stage.platform.bmcPort}`, '127.0.0.1:6230')
    .replaceAll(stage.configPath, 'torpor.yaml')
    .replaceAll(stage.folder.path, '/etc/torpor')
    .replace(/127\.0\.0\.1:[1-9]\d{4}\b(?!22)/g, (address) =>
      address === '127.0.0.1:10022' ? address : '127.0.0.1:54321',
    )
    .trimEnd();
}

/** Runs a command as the page shows it, and keeps or compares what it prints. */
async function show(
  name: string,
  command: string,
  exitCode = 0,
  lastLines = Number.POSITIVE_INFINITY,
): Promise<string> {
  const args = splitWords(command).map((word) => (word === 'torpor.yaml' ? stage.configPath : word));
  const { code, output } = await runTorpor(args, { TORPOR_API: `http://127.0.0.1:${stage.apiPort}` });
  expect(code, output).toBe(exitCode);
  const isAll = lastLines === Number.POSITIVE_INFINITY;
  const shown = isAll ? asShown(output) : asShown(output).split('\n').slice(-lastLines).join('\n');
  const text = `$ torpor ${command}${isAll ? '' : ` | tail -n ${lastLines}`}\n${shown}`;
  recorded.set(name, text);
  if (!writes)
    expect(withoutWhatChanges(text), `docs/first-hour.md, "${name}"; npm run docs writes it anew`).toBe(
      withoutWhatChanges(page.shown(name)),
    );
  return output;
}

function splitWords(command: string): string[] {
  return [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? (bare as string));
}

/** Somebody types until told to stop, so that it does not matter how long a command takes to start. */
function typeAway(): AsyncDisposable {
  let goesOn = true;
  const typed = (async () => {
    while (goesOn) {
      await client.ask('ls');
      await sleep(TYPE_EVERY_MS);
    }
  })();
  return {
    [Symbol.asyncDispose]: () => {
      goesOn = false;
      return typed;
    },
  };
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
    await using _typing = typeAway();
    await show('status', 'status');
    await show('explain', `explain ${PLATFORM}`);
    await show('streams', 'streams');
  });

  test('observing, nobody types any more -> the report has what would have happened', async () => {
    const wouldHaveSlept = async () => ((await torpor.report())[0]?.wouldHaveSlept.totalMs ?? 0) > 2_000;
    await eventually('it would have slept for a while', wouldHaveSlept, { withinMs: 60_000 });
    // Somebody is back: a wake that would have been.
    await using _typing = typeAway();
    await eventually('that sleep to be over', async () => (await torpor.report())[0]?.wouldHaveSlept.wakes === 1);
    await show('report', 'report');
  });

  test('armed, nobody types -> asleep; somebody types -> awake; the events have it', async () => {
    await restartArmed();
    await client.ask('ls');
    await torpor.waitForState(PLATFORM, 'asleep');
    await show('asleep', 'status');
    await show('why asleep', `explain ${PLATFORM}`);
    await using _typing = typeAway();
    await torpor.waitForState(PLATFORM, 'awake');
    await show('events', 'events', 0, 13);
    await show('refused', `sleep ${PLATFORM}`, 1);
  });

  test('an inhibitor -> it stays awake and says why, until released', async () => {
    {
      await using _typing = typeAway();
      await show('inhibit', `inhibit ${PLATFORM} --for 2h --why "nightly build"`);
    }
    await eventually('nobody to be active', async () => (await torpor.platform(PLATFORM)).pool === 0);
    await show('inhibited', `explain ${PLATFORM}`);
    await show('release', `release ${PLATFORM}`);
    await torpor.waitForState(PLATFORM, 'asleep');
  });

  test('every block of the page was recorded here', () => expect(page.names).toEqual([...recorded.keys()]));
});
