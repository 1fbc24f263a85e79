// What the other pages show of commands is run, on one simulated platform over real sockets that sleeps and wakes once, in this
// process; TORPOR_WRITE_DOCS=1 writes what they print.
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { FakeIo } from '../cli/fakes/fake-io.ts';
import { PASSWORD, PLATFORM, Stage } from '../e2e/support/stage.ts';
import { eventually } from '../support/eventually.ts';
import type { LineClient } from '../support/line-client.ts';
import type { TorporHere } from '../support/torpor-here.ts';
import { PageRecorder, type Stand } from './support/page-recorder.ts';
import { standOf } from './support/stage-stand.ts';
import { typeAway } from './support/type-away.ts';

const TRACE = fileURLToPath(new URL('../streams/fixtures/traces/ssh_b_typing_sa5.jsonl', import.meta.url));

/** Long enough to be seen among the savings. */
const ASLEEP_MS = 2_000;

let stage: Stage;
let torpor: TorporHere;
let client: LineClient;
let stand: Stand;
let typing: AsyncDisposable | null = null;

const at = () => stand;
const pages = {
  api: new PageRecorder('docs/api.md', at),
  bmcLog: new PageRecorder('docs/bmc-log.md', at),
  history: new PageRecorder('docs/history.md', at),
  inhibitors: new PageRecorder('docs/inhibitors.md', at),
  listeners: new PageRecorder('docs/listeners.md', at),
  power: new PageRecorder('docs/power.md', at),
  savings: new PageRecorder('docs/savings.md', at),
};

async function runHere(args: readonly string[]): Promise<{ code: number; output: string }> {
  const io = new FakeIo();
  io.env = { TORPOR_API: `http://127.0.0.1:${stage.apiPort}`, TORPOR_BMC_PASSWORD: PASSWORD };
  const code = await io.run(...args);
  return { code, output: Buffer.concat(io.stdoutBytes).toString() + io.stdout + io.stderr };
}

/** A day of somebody in Vienna, and the backup of the night. */
function writeActivityLog(): void {
  const lines = [
    { client: 'alice', platform: PLATFORM, from: '2026-03-02T08:30:00+01:00', to: '2026-03-02T11:55:00+01:00' },
    { client: 'alice', platform: PLATFORM, from: '2026-03-02T12:50:00+01:00', to: '2026-03-02T17:10:00+01:00' },
    {
      client: 'backup',
      platform: PLATFORM,
      from: '2026-03-03T02:00:00+01:00',
      to: '2026-03-03T02:20:00+01:00',
      kind: 'job',
    },
    { client: 'alice', platform: PLATFORM, from: '2026-03-03T08:40:00+01:00', to: '2026-03-03T16:00:00+01:00' },
  ];
  writeFileSync(stage.folder.file('activity.jsonl'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

beforeAll(async () => {
  stage = await Stage.open({
    idleTimeout: '1s',
    drowsyFor: '500ms',
    power: { watts: { busy: 320, idle: 180, asleep: 9 } },
    sel: { transitions: true },
  });
  stand = standOf(stage, runHere, {
    'alice.jsonl': TRACE,
    'activity.jsonl': stage.folder.file('activity.jsonl'),
    'replay.html': stage.folder.file('replay.html'),
  });
  writeActivityLog();
});

afterAll(async () => {
  client?.destroy();
  await stage?.[Symbol.asyncDispose]();
  for (const page of Object.values(pages)) page.finish();
});

describe('docs/power.md', () => {
  test('check --prove -> one real sleep and wake, and what was learned', async () => {
    await pages.power.show('prove', `check --config torpor.yaml --prove ${PLATFORM} --yes --settle 3s`, { tail: 20 });
    pages.power.expectAll();
  });
});

describe('with a Torpor that runs, slept and woke', () => {
  beforeAll(async () => {
    torpor = await stage.runHere();
    await stage.readyToSleep(torpor);
    client = await stage.connect();
    await client.ask('ls');
    await torpor.waitForState(PLATFORM, 'asleep');
    await sleep(ASLEEP_MS);
    typing = typeAway(client);
    await torpor.waitForState(PLATFORM, 'awake');
  });

  afterAll(() => typing?.[Symbol.asyncDispose]());

  test('docs/inhibitors.md', async () => {
    await pages.inhibitors.show('inhibit', `inhibit ${PLATFORM} --for 2h --why "nightly build" --name build`);
    await pages.inhibitors.show('list', 'inhibit --list');
    await pages.inhibitors.show('release', `release ${PLATFORM} --name build`);
    pages.inhibitors.expectAll();
  });

  test('docs/history.md', async () => {
    const isStored = async () =>
      (await runHere(['history', 'export', 'transitions'])).output.includes('"waking","to_state":"awake"');
    await eventually('the history to be on disk', isStored);
    await pages.history.show('transitions', 'history export transitions', { tail: 3 });
    await pages.history.show('pool', 'history export pool --format csv --last 30d', { head: 2 });
    await pages.history.show('savings', 'savings --last 30d');
    pages.history.expectAll();
  });

  test('docs/bmc-log.md', async () => {
    const command = 'bmc sel -H 127.0.0.1 -p 6230 -U torpor --torpor';
    const isWritten = async () =>
      (await runHere(command.split(' ').map(stand.asRun))).output.includes('waking -> awake');
    await eventually('the wake to be in the log', isWritten);
    await pages.bmcLog.show('sel', command, { tail: 4 });
    pages.bmcLog.expectAll();
  });
});

describe('without any Torpor', () => {
  test('docs/api.md', async () => {
    await pages.api.show('add', 'token add ops --role operate --file /etc/torpor/tokens');
    await pages.api.show('add a viewer', 'token add wall --role view --file /etc/torpor/tokens');
    await pages.api.show('list', 'token list --file /etc/torpor/tokens');
    await pages.api.show('revoke', 'token revoke wall --file /etc/torpor/tokens');
    pages.api.expectAll();
  });

  test('docs/listeners.md', async () => {
    await pages.listeners.show('classify', 'classify --protocol ssh alice.jsonl', { head: 4 });
    pages.listeners.expectAll();
  });

  test('docs/savings.md', async () => {
    await pages.savings.show('generated', 'replay --generate home4 --seed 1 --months 2 --count-from 30d --no-curves');
    await pages.savings.show('log', 'replay activity.jsonl --time-zone Europe/Vienna --no-curves --html replay.html', {
      head: 1,
    });
    await pages.savings.show(
      'evacuation',
      'replay --generate office6 --platforms 4 --no-curves --policy fixed=10m,learned --evacuate --vms-per-platform 12',
      { tail: 13 },
    );
    pages.savings.expectAll();
  });
});
