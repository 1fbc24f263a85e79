// The page of `torpor replay --html` in headless Chromium: on a phone, in the dark, to assistive technology, and by itself.
import { pathToFileURL } from 'node:url';
import type { Browser, BrowserContextOptions } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BROWSER, openBrowser, Tab } from '../dashboard/support/tab.ts';
import { describeWhere, requires } from '../support/requirements.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { FakeIo } from './fakes/fake-io.ts';

const PHONE = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true };
const LOOKS: ReadonlyArray<[string, BrowserContextOptions]> = [
  ['wide-light', { colorScheme: 'light' }],
  ['phone-dark', { ...PHONE, colorScheme: 'dark' }],
];
/** Smaller text is not read on a phone. */
const READABLE_PX = 11;

const POLICIES = ['--policy', 'fixed=10m,break-even,randomized'];
const ONE = ['--generate', 'office6', '--seed', '1', '--months', '1', ...POLICIES];
const POOL = ['--platforms', '2', '--evacuate', '--vms-per-platform', '12', '--no-curves'];
/** Five parts of a cost, of three policies and both optima, of each platform; four of each policy's without moves and with them. */
const PAGES: ReadonlyArray<readonly [string, readonly string[], { charts: number; lines: number; bars: number }]> = [
  ['one platform', ONE, { charts: 2, lines: 3, bars: 5 * 5 }],
  ['a pool with VMs moved', [...ONE, ...POOL], { charts: 3, lines: 0, bars: 2 * 5 * 5 + 3 * 2 * 4 }],
];

describeWhere(requires([BROWSER]), 'the page of torpor replay in Chromium', () => {
  const folder = new TempFolder('replay-page');
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    folder.remove();
  });

  describe.each(PAGES)('%s', (name, args, { charts, lines, bars }) => {
    const file = `${name.replaceAll(' ', '-')}.html`;
    const path = folder.file(file);
    beforeAll(async () => {
      const io = new FakeIo();
      expect(await io.run('replay', ...args, '--html', path), io.stderr).toBe(0);
    });

    it.each(LOOKS)(
      '%s -> fits, is read, has all charts, nothing for axe to find, and asks nobody',
      async (look, options) => {
        await using tab = await Tab.open(browser, 'about:blank', options);
        const asked: string[] = [];
        tab.page.on('request', (request) => asked.push(request.url()));
        await tab.page.goto(pathToFileURL(path).href);
        await tab.picture(`replay-${charts === 2 ? '' : 'pool-'}${look}`);
        expect(await tab.page.locator('svg').count()).toBe(charts);
        expect(await tab.page.locator('svg polyline').count()).toBe(lines);
        expect(await tab.page.locator('svg rect').count()).toBe(bars);
        expect(await tab.overflows()).toBe(false);
        const smallest = await tab.page.evaluate(
          `Math.min(...[...document.querySelectorAll('svg text')].map((text) => text.getBoundingClientRect().height))`,
        );
        expect(smallest).toBeGreaterThan(READABLE_PX);
        expect(await tab.accessibilityProblems()).toEqual([]);
        expect(asked).toEqual([pathToFileURL(path).href]);
        expect(tab.troubles).toEqual([]);
      },
    );

    it('no label lies upon a bar or another label, or reaches out of its chart', async () => {
      await using tab = await Tab.open(browser, pathToFileURL(path).href, PHONE);
      const overlaps = await tab.page.evaluate(`
        [...document.querySelectorAll('svg')].flatMap((svg) => {
          const labels = [...svg.querySelectorAll('text')].map((text) => [text.textContent, text.getBoundingClientRect()]);
          const bars = [...svg.querySelectorAll('rect')].map((bar) => ['a bar', bar.getBoundingClientRect()]);
          const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 0.5
            && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3;
          const chart = svg.getBoundingClientRect();
          const cut = labels.filter(([, box]) => box.right > chart.right + 0.5 || box.bottom > chart.bottom + 0.5);
          return [...cut.map(([name]) => name + ' out of its chart'), ...labels.flatMap(([name, box], index) => [...labels.slice(index + 1), ...bars]
            .filter(([, other]) => meet(box, other)).map(([other]) => name + ' on ' + other))];
        })`);
      expect(overlaps).toEqual([]);
    });
  });
});
