// The dashboard in headless Chromium, before real Torpors on simulated platforms.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PLATFORM, Stage } from '../e2e/support/stage.ts';
import { eventually } from '../support/eventually.ts';
import { describeWhere, requires } from '../support/requirements.ts';
import { BROWSER, openBrowser, Tab } from './support/tab.ts';

const PATIENCE_MS = 40_000;
/** The states as the page names them, each time its word changes. */
const RECORD_STATES = `
  window.seen = [];
  new MutationObserver(() => {
    const word = document.querySelector('.platform-head .state')?.textContent;
    if (word !== undefined && window.seen.at(-1) !== word) window.seen.push(word);
  }).observe(document.body, { subtree: true, childList: true, characterData: true });`;

describeWhere(requires([BROWSER]), 'the dashboard in Chromium', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
    console.log(`Chromium ${browser.version()}`);
  });
  afterAll(() => browser?.close());

  it('a night: idle, drowsy, asleep, a client types, waking, awake -> each seen on the page while it happens', async () => {
    const host = { suspendMs: 500, resumeMs: 1200 };
    await using stage = await Stage.open({ idleTimeout: '2s', drowsyFor: '800ms' }, host);
    const torpor = await stage.runHere();
    await torpor.ask(PLATFORM, 'inhibit', { why: 'until the page is open' });
    await stage.readyToSleep(torpor);
    const client = await stage.connect();
    await using tab = await Tab.open(browser, `http://127.0.0.1:${torpor.apiPort}/`);
    const { page } = tab;
    await page.getByRole('link', { name: PLATFORM }).click();
    await page.locator('.platform-head .state').waitFor();
    await page.evaluate(RECORD_STATES);
    expect(await client.ask('one')).toContain('n=1');
    await page.getByText('client bytes').first().waitFor();
    await torpor.ask(PLATFORM, 'release');

    await page
      .locator('.platform-head .state', { hasText: 'asleep' })
      .and(page.getByText('asleep', { exact: true }))
      .waitFor();
    await page.getByText('the first activity wakes it').waitFor();
    await tab.picture('night-asleep');
    client.write('two\n');
    await page.locator('.platform-head .state-waking').waitFor();
    await page.locator('.held').waitFor();
    await tab.picture('night-waking');
    expect(await client.readLine(PATIENCE_MS)).toContain('n=2');
    await page.locator('.platform-head .state-awake').waitFor();

    const seen = (await page.evaluate('window.seen')) as string[];
    const night = ['awake', 'drowsy', 'falling asleep', 'asleep', 'waking', 'awake'];
    expect(seen.filter((word) => night.includes(word)).join(' ')).toContain(night.join(' '));
    expect(await page.getByRole('status').textContent()).toBe(`${PLATFORM} is awake`);
    expect(tab.troubles).toEqual([]);
    client.destroy();
  });

  it('killed under the page -> greyed, with the time of the last news and no button; back -> live again, from where it was', async () => {
    await using stage = await Stage.open({ minAwake: '10m' });
    const torpor = await stage.run();
    await using tab = await Tab.open(browser, `http://127.0.0.1:${torpor.apiPort}/#/platform/${PLATFORM}`);
    const { page } = tab;
    const keepAwake = page.getByRole('button', { name: 'Keep awake' });
    await keepAwake.waitFor();
    expect(await keepAwake.isEnabled()).toBe(true);
    await torpor.killNow();
    await page
      .getByRole('alert')
      .filter({ hasText: /No news since \d\d:\d\d:\d\d/ })
      .waitFor();
    expect(await page.locator('main.stale').count()).toBe(1);
    expect(await keepAwake.isDisabled()).toBe(true);
    await tab.picture('stale');
    await stage.run();
    await page.locator('main:not(.stale)').waitFor();
    await eventually('the button to be back', () => keepAwake.isEnabled());
    expect(await page.getByRole('alert').count()).toBe(0);
    expect(tab.troubles).toEqual([]);
  });

  it('killed while the page reads the past for the first time -> greyed as well', async () => {
    await using stage = await Stage.open({ minAwake: '10m' });
    const torpor = await stage.run();
    await using tab = await Tab.open(browser, 'about:blank');
    const { page } = tab;
    let isKilled = () => {};
    const killed = new Promise<void>((resolve) => {
      isKilled = resolve;
    });
    await page.route(/\/history/, async (route) => {
      await killed;
      await route.abort();
    });
    await page.goto(`http://127.0.0.1:${torpor.apiPort}/#/platform/${PLATFORM}`);
    await page.getByRole('button', { name: 'Keep awake' }).waitFor();
    await torpor.killNow();
    isKilled();
    await page
      .getByRole('alert')
      .filter({ hasText: /No news since \d\d:\d\d:\d\d/ })
      .waitFor();
    expect(tab.troubles).toEqual([]);
  });

  it('by keyboard alone: into a platform, an order with its confirmation, a refusal, and out by Escape', async () => {
    await using stage = await Stage.open({ minAwake: '10m' });
    const torpor = await stage.runHere();
    await stage.readyToSleep(torpor);
    await using tab = await Tab.open(browser, `http://127.0.0.1:${torpor.apiPort}/`);
    const { page } = tab;
    await page.locator('.line').waitFor();
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to what matters');
    await tabTo(tab, PLATFORM);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'What is known' }).waitFor();
    await tabTo(tab, 'Keep awake');
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog');
    await dialog.waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.type('backup tonight');
    await page.keyboard.press('Enter');
    await dialog.waitFor({ state: 'detached' });
    const reasons = page.locator('.reasons', { hasText: 'inhibited by operator (dashboard): backup tonight' });
    await reasons.getByText(/at most (1h 59m|2h)/).waitFor();
    // Focus is back where it was.
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Keep awake');
    await tabTo(tab, 'Put to sleep', 'Shift+Tab');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').getByRole('alert').filter({ hasText: 'backup tonight' }).waitFor();
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    await tabTo(tab, 'Release');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Enter');
    await page.locator('.reasons', { hasText: 'backup tonight' }).waitFor({ state: 'detached' });
    expect(tab.troubles).toEqual([]);
  });
});

async function tabTo({ page }: Tab, text: string, key = 'Tab'): Promise<void> {
  for (let step = 0; step < 40; step += 1) {
    await page.keyboard.press(key);
    if ((await page.evaluate('document.activeElement?.textContent')) === text) return;
  }
  throw new Error(`${key} never came to "${text}"`);
}
