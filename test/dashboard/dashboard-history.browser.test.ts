// The dashboard before a Torpor that really runs, on three simulated platforms over real sockets, and that remembers a week: what its pages
// show then, on a wide screen and on a phone in the dark. The pictures of the README are two of these.
import type { Browser, BrowserContextOptions } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SimulatedPlatform } from '../../src/power/simulated/simulated-platform.ts';
import { systemClock } from '../../src/system-clock.ts';
import { PASSWORD, USER } from '../e2e/support/stage.ts';
import { eventually } from '../support/eventually.ts';
import { LineClient } from '../support/line-client.ts';
import { freePort } from '../support/ports.ts';
import { describeWhere, requires } from '../support/requirements.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { writeFarmConfig } from '../support/torpor-config.ts';
import { TorporHere } from '../support/torpor-here.ts';
import { writePast } from './support/generated-past.ts';
import { BROWSER, openBrowser, Tab } from './support/tab.ts';

const PEOPLE = { 'vdi-01': 'office6', 'vdi-02': 'home4', lab: 'lab8' } as const;
const PHONE = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true };
const LOOKS: ReadonlyArray<[string, BrowserContextOptions]> = [
  ['wide', { colorScheme: 'light' }],
  ['phone-dark', { ...PHONE, colorScheme: 'dark' }],
];
const VIEWS = { farm: '#/', platform: '#/platform/vdi-01', savings: '#/savings', events: '#/events' } as const;

describeWhere(requires([BROWSER]), 'the dashboard on a kept week in Chromium', () => {
  const folder = new TempFolder('dashboard-history');
  const platforms: SimulatedPlatform[] = [];
  const clients: LineClient[] = [];
  let browser: Browser;
  let torpor: TorporHere;

  beforeAll(async () => {
    browser = await openBrowser();
    writePast(folder.file('state/history/history.sqlite'), PEOPLE, Date.now());
    const setUps = [];
    for (const name of Object.keys(PEOPLE)) {
      const vms = [{ name: 'alice' }, { name: 'build' }];
      const platform = new SimulatedPlatform({ clock: systemClock, user: USER, password: PASSWORD, vms });
      await platform.start();
      platforms.push(platform);
      const vmSetUps = await Promise.all(
        vms.map(async (vm, nth) => ({
          name: vm.name,
          listenPort: await freePort(),
          target: `127.0.0.1:${platform.vmPorts[nth]}`,
        })),
      );
      const bmc = { port: platform.bmcPort, user: USER, password: PASSWORD };
      // Two fall asleep at once, and nobody wakes them; on the third somebody works.
      const idleTimeout = name === 'vdi-01' ? '4m' : '500ms';
      const power = { watts: { busy: 300, idle: 175, asleep: 8 } };
      setUps.push({ platform: name, bmc, vms: vmSetUps, idleTimeout, power });
    }
    const apiPort = await freePort();
    torpor = await TorporHere.run(writeFarmConfig(folder, { apiPort, platforms: setUps }), apiPort);
    for (const vm of setUps[0]?.vms ?? []) {
      const client = await LineClient.connect(vm.listenPort);
      clients.push(client);
      await client.ask('ls');
    }
    await torpor.waitForState('vdi-01', 'awake', 40_000);
    for (const name of ['vdi-02', 'lab']) await torpor.waitForState(name, 'asleep', 60_000);
  });
  afterAll(async () => {
    for (const client of clients) client.destroy();
    await torpor?.[Symbol.asyncDispose]();
    await Promise.all(platforms.map((platform) => platform.stop()));
    await browser?.close();
    folder.remove();
  });

  it.each(LOOKS)(
    '%s -> every view fits, has its charts, nothing for axe to find, and asks nobody else',
    async (look, options) => {
      const origin = `http://127.0.0.1:${torpor.apiPort}`;
      await using tab = await Tab.open(browser, 'about:blank', options);
      const elsewhere: string[] = [];
      tab.page.on('request', (request) => {
        if (!request.url().startsWith(origin)) elsewhere.push(request.url());
      });
      for (const [name, view] of Object.entries(VIEWS)) {
        await tab.page.goto(`${origin}/${view}`);
        await tab.page.locator('main h1').waitFor();
        await present(tab, name);
        await tab.picture(`week-${name}-${look}`);
        expect(await tab.overflows(), name).toBe(false);
        expect(await tab.accessibilityProblems(), name).toEqual([]);
      }
      expect(elsewhere).toEqual([]);
      expect(tab.troubles).toEqual([]);
    },
  );

  /** What a view must have drawn of the week before it is looked at. */
  async function present(tab: Tab, view: string): Promise<void> {
    const { page } = tab;
    if (view === 'farm') {
      // Until the history is read a strip knows this run only.
      const days = page.getByText(/of the last (23h|1d)/);
      await eventually('the days of all three', async () => (await days.count()) === 3);
    }
    if (view === 'platform') {
      await page.locator('canvas').first().waitFor();
      await page.getByText(/of the last (23h|1d)/).waitFor();
    }
    if (view === 'savings') {
      await page.locator('.bars li').first().waitFor();
      expect(await page.locator('.bars li').count()).toBeGreaterThanOrEqual(7);
      expect(await page.locator('h1').textContent()).toMatch(/^\d+\.\d kWh saved in \d days\.$/);
    }
  }
});
