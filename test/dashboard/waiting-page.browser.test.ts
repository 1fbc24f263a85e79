// A browser that meets a sleeping web server: the waiting page, and then the site, before a real Torpor on a simulated platform.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { waitingPage } from '../../src/streams/waiting-page-html.ts';
import { systemClock } from '../../src/system-clock.ts';
import { PLATFORM, Stage } from '../e2e/support/stage.ts';
import { describeWhere, requires } from '../support/requirements.ts';
import { BROWSER, openBrowser, Tab } from './support/tab.ts';
import { WebService } from './support/web-service.ts';

describeWhere(requires([BROWSER]), 'the waiting page in Chromium', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser?.close());

  it('a site whose platform sleeps -> a page with progress at once, then the site by itself; an API client is held meanwhile', async () => {
    const site = new WebService();
    const vms = [{ name: 'alice', service: site }];
    await using stage = await Stage.open({}, { clock: systemClock, suspendMs: 200, resumeMs: 2500, vms });
    const web = { protocol: 'http', device: 'web', activity: 'every-byte', waitingPage: 'browsers' };
    stage.configure(stage.alice(web));
    const torpor = await stage.runHere();
    await torpor.waitForState(PLATFORM, 'asleep');
    site.asked.length = 0;

    const origin = `http://127.0.0.1:${stage.listenPort}`;
    await using tab = await Tab.open(browser, `${origin}/page?a=1`);
    const { page } = tab;
    expect(await page.title()).toBe('alice is waking up');
    const held = fetch(`${origin}/api`, { headers: { accept: 'application/json' } });
    await page.getByText(/Asked for \d+ s ago/).waitFor();
    await tab.picture('waiting');
    expect((await torpor.platform(PLATFORM)).state).toBe('waking');

    await page.getByRole('heading', { name: 'Welcome to /page?a=1' }).waitFor();
    expect((await held).status).toBe(200);
    expect(site.asked.filter((asked) => asked.endsWith('/api'))).toEqual(['GET /api']);
    // The request that the page answered was not forwarded: what the site saw is the page's question, and the reload.
    expect(site.asked.filter((asked) => asked.endsWith('a=1'))).toEqual(['HEAD /page?a=1', 'GET /page?a=1']);
    expect(tab.troubles).toEqual([]);
  });

  it('as it stands, in the dark -> nothing that axe finds wrong', async () => {
    await using tab = await Tab.open(browser, 'about:blank', { colorScheme: 'dark' });
    const answer = waitingPage({ vm: 'wiki', elapsedMs: 4000, usualMs: 12_000 }).toString();
    // Its script would take it away.
    const page = answer.slice(answer.indexOf('\r\n\r\n') + 4).replace(/<script>.*<\/script>/s, '');
    await tab.page.setContent(page);
    expect(await tab.accessibilityProblems()).toEqual([]);
  });
});
