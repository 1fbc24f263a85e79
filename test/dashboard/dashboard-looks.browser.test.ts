// What the dashboard looks like and to whom: hostile names, phones, the dark, assistive technology, and those who need a token.

import { writeFileSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { type ApiServer, startApi } from '../../src/api/start-api.ts';
import { formatTokenLine, hashToken, makeToken } from '../../src/api/token-file.ts';
import { FakeFarm, fakePlatform, fakeReport, fakeStream } from '../api/fakes/fake-farm.ts';
import { KeptLog } from '../support/kept-log.ts';
import { describeWhere, requires } from '../support/requirements.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { serveRecorded } from './support/recorded.ts';
import { BROWSER, openBrowser, Tab } from './support/tab.ts';

const HOSTILE = '<img src=x onerror="window.owned=1"><script>window.owned=1</script>';
const VIEWS = ['#/', '#/platform/vdi-01', '#/savings', '#/events'];
const PHONE = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true };

describeWhere(requires([BROWSER]), "the dashboard's looks in Chromium", () => {
  let browser: Browser;
  let farm: FakeFarm;
  let api: ApiServer;
  const folder = new TempFolder('looks');
  const tokensFile = folder.file('tokens');
  const viewer = makeToken();
  const operator = makeToken();
  beforeAll(async () => {
    browser = await openBrowser();
    const lines = [
      formatTokenLine({ name: 'wall', role: 'view', hash: hashToken(viewer) }),
      formatTokenLine({ name: 'ops', role: 'operate', hash: hashToken(operator) }),
    ];
    writeFileSync(tokensFile, lines.join('\n'), { mode: 0o600 });
  });
  afterAll(async () => {
    await browser?.close();
    folder.remove();
  });
  beforeEach(() => {
    farm = busyFarm();
  });
  afterEach(() => api.close());

  async function serve(tokens: string | null = null): Promise<string> {
    const listen = { host: '127.0.0.1', port: 0 };
    api = await startApi(farm, { listen, log: new KeptLog(), version: '0', dashboard: true, tokensFile: tokens });
    return api.url;
  }

  async function visit(tab: Tab, url: string, view: string): Promise<void> {
    await tab.page.goto(`${url}/${view}`);
    await tab.page.locator('main h1').waitFor();
    if (view.startsWith('#/platform')) await tab.page.locator('table.streams').waitFor();
  }

  it('names and reasons from outside that are HTML -> text on every view, and nothing of it runs', async () => {
    farm.statuses = [
      fakePlatform({
        why: HOSTILE,
        evidence: HOSTILE,
        wakeProofWhy: HOSTILE,
        maintenance: true,
        maintenanceWhy: HOSTILE,
        blockers: [{ kind: 'inhibitor', why: HOSTILE, untilMs: null }],
        checks: [{ kind: 'check', name: HOSTILE, outcome: 'free', why: HOSTILE, atMs: Date.now(), blocks: false }],
      }),
    ];
    farm.openStreams = [fakeStream({ client: HOSTILE, vm: HOSTILE, speaks: HOSTILE, verdict: HOSTILE, active: false })];
    farm.reports = [
      fakeReport({
        platform: HOSTILE,
        keptAwakeBy: [{ client: HOSTILE, vm: HOSTILE, activeMs: 1, aloneMs: 1, entries: 1 }],
      }),
    ];
    farm.feeds = farm.feeds.map((feed) => ({ ...feed, name: HOSTILE, queue: [HOSTILE] }));
    const moving = { vm: HOSTILE, from: HOSTILE, to: HOSTILE, sinceMs: Date.now(), stage: 'unclear' as const };
    const platforms = farm.pooled.flatMap((pool) => pool.platforms.map(({ platform }) => ({ platform, why: HOSTILE })));
    const evacuation = { moving, moves: 0, failures: 0, platforms };
    farm.pooled = farm.pooled.map((pool) => ({ ...pool, name: HOSTILE, evacuation }));
    farm.torpors = farm.torpors.map((torpor) => ({ ...torpor, name: HOSTILE, version: HOSTILE }));
    farm.emit(HOSTILE, HOSTILE);
    await using tab = await Tab.open(browser, await serve());
    for (const view of VIEWS) {
      await visit(tab, api.url, view);
      await tab.page.locator('main', { hasText: 'onerror' }).waitFor();
      expect(await tab.page.locator('img, main script').count(), view).toBe(0);
    }
    farm.emit(`${HOSTILE} live`, 'note');
    await tab.page.getByText(`${HOSTILE} live`).waitFor();
    expect(await tab.page.evaluate('window.owned')).toBeUndefined();
    expect(tab.troubles).toEqual([]);
  });

  it.each(['light', 'dark'] as const)(
    '%s, large -> nothing that axe finds wrong, on any view, nor in the dialog',
    async (colorScheme) => {
      await using tab = await Tab.open(browser, await serve(), { colorScheme, reducedMotion: 'reduce' });
      for (const view of VIEWS) {
        await visit(tab, api.url, view);
        expect(await tab.accessibilityProblems(), view).toEqual([]);
        await tab.picture(`${colorScheme}-${view.split('/')[1] || 'farm'}`);
      }
      await visit(tab, api.url, '#/platform/vdi-01');
      await tab.page.getByRole('button', { name: 'Keep awake' }).click();
      expect(await tab.accessibilityProblems(), 'dialog').toEqual([]);
      await tab.picture(`${colorScheme}-dialog`);
      const paper = await tab.page.evaluate('getComputedStyle(document.documentElement).backgroundColor');
      expect(paper).toBe(colorScheme === 'dark' ? 'rgb(13, 17, 32)' : 'rgb(245, 242, 234)');
      expect(tab.troubles).toEqual([]);
    },
  );

  it.each(['light', 'dark'] as const)(
    '%s, with a recorded past -> a day and a week in words and picture, and what was saved',
    async (colorScheme) => {
      const url = await serve();
      await using tab = await Tab.open(browser, 'about:blank', { colorScheme, reducedMotion: 'reduce' });
      const { page } = tab;
      await serveRecorded(page, Date.now());
      await visit(tab, url, '#/');
      await page
        .getByRole('img', { name: /asleep \d+h \d+m of the last 1d/ })
        .first()
        .waitFor();
      await tab.picture(`recorded-farm-${colorScheme}`);
      await visit(tab, url, '#/platform/vdi-01');
      await page
        .getByRole('img', { name: /Asleep \d+ % of the last 1d, woken \d times, \d+ W on average \(measured\)/ })
        .waitFor();
      await tab.picture(`recorded-platform-${colorScheme}`);
      await page.getByRole('button', { name: 'week' }).click();
      await page.getByRole('img', { name: /of the last 7d, woken \d\d times/ }).waitFor();
      await tab.picture(`recorded-week-${colorScheme}`);
      await visit(tab, url, '#/savings');
      await page.getByRole('heading', { name: /kWh saved in 30 days/ }).waitFor();
      expect(await page.locator('.bars li').count()).toBe(30);
      expect(await tab.accessibilityProblems()).toEqual([]);
      await tab.picture(`recorded-savings-${colorScheme}`);
      expect(tab.troubles).toEqual([]);
    },
  );

  it('on a phone -> no view is wider than the screen, nothing that axe finds wrong, buttons large enough for a finger', async () => {
    await using tab = await Tab.open(browser, await serve(), { ...PHONE, colorScheme: 'dark' });
    for (const view of VIEWS) {
      await visit(tab, api.url, view);
      expect(await tab.overflows(), view).toBe(false);
      expect(await tab.accessibilityProblems(), view).toEqual([]);
      await tab.picture(`phone-${view.split('/')[1] || 'farm'}`);
    }
    await visit(tab, api.url, '#/platform/vdi-01');
    for (const button of await tab.page.locator('.orders button').all()) {
      expect((await button.boundingBox())?.height).toBeGreaterThanOrEqual(40);
    }
  });

  it('circuits, pools and the Torpors of the farm -> who waits for what, who is kept and drained, who fell silent', async () => {
    await using tab = await Tab.open(browser, await serve());
    const { page } = tab;
    await visit(tab, api.url, '#/');
    const row = (table: string, name: string) =>
      page
        .getByRole('region', { name: table })
        .getByRole('row')
        .filter({ has: page.getByRole('rowheader', { name }) })
        .textContent();
    await page.getByRole('heading', { name: 'Circuits' }).waitFor();
    expect(await row('Circuits', 'rack-a')).toMatch(
      /^rack-a3 of 33900 of 4000 Wvdi-02since [\dms ]+: circuit rack-a: 3 of 3 are waking$/,
    );
    expect(await row('Circuits', 'rack-b')).toBe('rack-b00 of 900 Wnobody');
    expect(await row('Pools', 'office')).toBe(
      'office1, 1 wantedvdi-01awake, 1 user, kept as a sparevdi-02asleep, 0 users, drained: takes nobody new1',
    );
    expect(await row('Pools', 'lab')).toMatch(
      /^lab0, 0 wantedlabasleep, 0 users, fullit is emptied: carol goes to lab-2carol is moved from lab to lab-2, for [\dms ]+3 VMs moved, 1 move failed0$/,
    );
    expect(await row('Torpors', 'torpor-a')).toBe('torpor-athis one0.1.0its own5');
    expect(await row('Torpors', 'torpor-b')).toBe('torpor-b0.2.04s agodid not answernot known');
    farm.feeds = [];
    farm.pooled = [];
    farm.torpors = [];
    farm.emit('a circuit is gone', 'note');
    await page.getByRole('heading', { name: 'Circuits' }).waitFor({ state: 'detached' });
    expect(await page.locator('main table').count()).toBe(0);
    expect(tab.troubles).toEqual([]);
  });

  it('tokens -> asked for; a wrong one told; one that may look sees no button; out again -> nothing is left', async () => {
    await using tab = await Tab.open(browser, await serve(tokensFile));
    const { page } = tab;
    await page.getByLabel('Token').fill('torpor_wrong');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').filter({ hasText: 'not among the tokens' }).waitFor();
    expect(await tab.accessibilityProblems()).toEqual([]);
    await tab.picture('login');
    await page.getByLabel('Token').fill(viewer);
    await page.keyboard.press('Enter');
    await page.locator('.line').first().waitFor();
    expect(await page.evaluate('document.cookie + JSON.stringify(sessionStorage) + JSON.stringify(localStorage)')).toBe(
      '{}{}',
    );
    await page.goto(`${api.url}/#/platform/vdi-01`);
    await page.getByText('Your token may look, not touch.').waitFor();
    expect(await page.locator('.orders button').count()).toBe(0);
    await page.getByRole('button', { name: 'wall: leave' }).click();
    await page.getByLabel('Token').waitFor();
    expect(await page.getByText('vdi-01').count()).toBe(0);
    await page.reload();
    await page.getByLabel('Token').fill(operator);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Put to sleep' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Put to sleep vdi-01' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(farm.calls).toEqual(['sleep vdi-01 force=false']);
  });
});

/** Three platforms in three states, as an afternoon might leave them. */
function busyFarm(): FakeFarm {
  const farm = new FakeFarm();
  const nowMs = Date.now();
  const alice = fakeStream({
    lastActiveWhy: 'client bytes',
    verdict: 'keys and pointer',
    openedAtMs: nowMs - 9_000_000,
    lastActiveAtMs: nowMs - 21_000,
    idleAtMs: nowMs + 579_000,
  });
  const bob = fakeStream({
    id: 's2',
    vm: 'build',
    client: '10.0.2.9:41022',
    device: 'terminal',
    speaks: 'ssh',
    verdict: '52 B every 15.0 s: keepalive, 40 seen',
    active: false,
    idleAtMs: null,
    lastActiveAtMs: nowMs - 1_900_000,
  });
  farm.openStreams = [alice, bob];
  farm.statuses = [
    fakePlatform({
      sinceMs: nowMs - 5_400_000,
      blockers: [{ kind: 'pool', why: '1 active client', untilMs: null }],
      streams: 2,
      watts: 214,
    }),
    fakePlatform({
      name: 'vdi-02',
      state: 'asleep',
      sinceMs: nowMs - 12_000_000,
      pool: 0,
      streams: 3,
      watts: 8,
      blockers: [],
      drained: true,
      wakeTurn: { circuit: 'rack-a', sinceMs: nowMs - 42_000, ahead: 0, why: 'circuit rack-a: 3 of 3 are waking' },
    }),
    fakePlatform({
      name: 'lab',
      state: 'asleep',
      sinceMs: nowMs - 40_000_000,
      pool: 0,
      streams: 0,
      watts: 7,
      blockers: [],
    }),
  ];
  const used = { sessions: 1, hasRoom: true, isKept: true };
  const empty = { sessions: 0, hasRoom: true, isKept: false };
  farm.feeds = [
    { name: 'rack-a', waking: 3, wakingAtMost: 3, watts: 3_900, wattsAtMost: 4_000, queue: ['vdi-02'] },
    { name: 'rack-b', waking: 0, wakingAtMost: null, watts: 0, wattsAtMost: 900, queue: [] },
  ];
  farm.pooled = [
    {
      ...{ name: 'office', spare: 1, ready: 1, sessionsPerPlatform: 20, evacuation: null },
      platforms: [
        { platform: 'vdi-01', ...used },
        { platform: 'vdi-02', ...empty },
      ],
    },
    {
      ...{ name: 'lab', spare: 0, ready: 0, sessionsPerPlatform: 0 },
      platforms: [{ platform: 'lab', ...empty, hasRoom: false }],
      evacuation: {
        moving: { vm: 'carol', from: 'lab', to: 'lab-2', sinceMs: nowMs - 12_000, stage: 'moving' },
        ...{ moves: 3, failures: 1 },
        platforms: [{ platform: 'lab', why: 'it is emptied: carol goes to lab-2' }],
      },
    },
  ];
  farm.torpors = [
    { name: 'torpor-a', version: '0.1.0', self: true, silentMs: 0, answered: true, streams: 5 },
    { name: 'torpor-b', version: '0.2.0', self: false, silentMs: 4_000, answered: false, streams: null },
  ];
  farm.reports = [fakeReport(), fakeReport({ platform: 'vdi-02', keptAwakeBy: [] })];
  farm.summary =
    'vdi-01 stays awake because active: alice from 10.0.2.7:50123 (rdp), for at most 9m 39s more if nothing else comes.';
  farm.nowMs = nowMs - 5_410_000;
  farm.emit('asleep -> waking: alice from 10.0.2.7:50123 (rdp): client bytes', 'transition', {
    from: 'asleep',
    to: 'waking',
  });
  farm.emit('waking -> awake: alice from 10.0.2.7:50123 (rdp): client bytes', 'transition', {
    from: 'waking',
    to: 'awake',
  });
  farm.nowMs = nowMs - 21_000;
  farm.emit('alice from 10.0.2.7:50123 (rdp) is active: client bytes', 'stream-active');
  farm.emit('the BMC does not answer: timeout', 'alarm');
  return farm;
}
