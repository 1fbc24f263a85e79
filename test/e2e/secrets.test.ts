// Secrets of a running Torpor, looked for wherever it could have left them: its log at the lowest level, its API, its metrics, its
// state folder with the history, and what its commands print.
import { appendFileSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PATIENT } from '../support/eventually.ts';
import { runTorpor } from '../support/torpor-process.ts';
import { E2E_TIMEOUT_MS, PASSWORD, PLATFORM, Stage } from './support/stage.ts';

const KG = 'velvet-anchor-9';
const ROUTES = [
  'healthz',
  'readyz',
  'metrics',
  'api/v1/platforms',
  `api/v1/platforms/${PLATFORM}`,
  `api/v1/platforms/${PLATFORM}/explain`,
  `api/v1/platforms/${PLATFORM}/history`,
  'api/v1/streams',
  'api/v1/report',
  'api/v1/savings',
  'api/v1/events',
  'api/v1/history/events?limit=1000',
  'api/v1/history/export?table=events',
  `api/v1/platforms/nope-${encodeURIComponent('%')}`,
];

function filesOf(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesOf(path) : [path];
  });
}

/** As it is, and as it could be hidden: base64, hexadecimal, escaped for an address. */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  return [secret, bytes.toString('base64').replace(/=+$/, ''), bytes.toString('hex'), encodeURIComponent(secret)];
}

test(
  'a Torpor at log level debug that slept, woke and was refused by its BMC -> its secrets are nowhere',
  async () => {
    await using stage = await Stage.open({}, { kg: KG });
    const bmc = { port: stage.platform.bmcPort, user: 'torpor', password: PASSWORD, kg: KG };
    stage.configure({ bmc });
    appendFileSync(stage.configPath, 'log: { level: debug }\n');
    const torpor = await stage.run();
    using client = await stage.connect();
    await client.ask('before');
    await torpor.waitForState(PLATFORM, 'asleep');
    await client.ask('wakes it', 90_000);
    const answers = await Promise.all(
      ROUTES.map(async (route) => {
        const headers = { accept: 'application/json' };
        const response = await fetch(`http://127.0.0.1:${stage.apiPort}/${route}`, { headers });
        return `${route}: ${await response.text()}`;
      }),
    );
    await torpor.stop();
    // A wrong one is a secret too: perhaps it is right elsewhere.
    const wrong = 'misty-harbour-77';
    stage.configure({ bmc: { ...bmc, password: wrong } });
    appendFileSync(stage.configPath, 'log: { level: debug }\n');
    const refused = await stage.run();
    await expect.poll(() => refused.output, PATIENT).toMatch(/"level":"error"/);
    const checked = await runTorpor(['check', '--config', stage.configPath, '--json']);
    await refused.stop();

    const state = filesOf(stage.folder.file('state'));
    expect(state.some((path) => path.endsWith('history.sqlite'))).toBe(true);
    const places: Array<[string, string]> = [
      ['the log', torpor.output],
      ['the log of the refused one', refused.output],
      ['check', checked.output],
      ...answers.map((answer): [string, string] => ['the API', answer]),
      ...state.map((path): [string, string] => [path, readFileSync(path, 'latin1')]),
    ];
    expect(torpor.output).toContain('"level":"debug"');
    for (const secret of [PASSWORD, KG, wrong]) {
      for (const form of formsOf(secret)) {
        expect(places.filter(([, text]) => text.includes(form)).map(([where]) => where)).toEqual([]);
      }
    }
    for (const line of torpor.output.trimEnd().split('\n')) expect(JSON.parse(line)).toHaveProperty('level');
  },
  2 * E2E_TIMEOUT_MS,
);
