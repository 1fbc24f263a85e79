// Peers: noVNC in headless Chromium, TigerVNC's server in a VM that really stops. The page of recipes/novnc/, through Torpor.
import { setTimeout as delay } from 'node:timers/promises';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PLATFORM } from '../e2e/support/stage.ts';
import { LiveSession } from '../live/support/live-session.ts';
import { describeWhere, findProgram, requires } from '../support/requirements.ts';
import { BOUND_MS, DesktopPage, PAGE_READY, RFB_PORT, startDesktop } from './support/desktop-page.ts';
import { PageServer } from './support/page-server.ts';
import { visit } from './support/visit.ts';

const BROWSER = 'chromium';
/** So long the page is left with a sleeper; pings of Torpor's come and go meanwhile. */
const NIGHT_MS = 5_000;
const TEST_MS = 900_000;

const missing = requires([BROWSER, 'Xtigervnc', 'xterm', 'ip'], { root: true });

describeWhere(missing, 'noVNC in Chromium', () => {
  let pages: PageServer;
  let browser: Browser;

  beforeAll(async () => {
    pages = await PageServer.start();
    // No sandbox: the suite runs as root, and the page is our own.
    browser = await chromium.launch({ executablePath: findProgram(BROWSER) ?? BROWSER, args: ['--no-sandbox'] });
  });
  afterAll(async () => {
    await browser?.close();
    await pages?.close();
  });

  it('the browser takes its time to say what it decodes -> the page is there, and its button waits for the script', async () => {
    const page = await browser.newPage();
    try {
      // noVNC asks this before anything else of the script runs; the page counts as loaded meanwhile.
      await page.addInitScript(`globalThis.VideoDecoder = {
        isConfigSupported: () => new Promise((resolve) => { globalThis.answer = () => resolve({ supported: false }); }),
      }`);
      await page.goto(`${pages.origin}/index.html`);
      await page.waitForFunction('globalThis.answer !== undefined');
      expect(await page.locator('button').isDisabled()).toBe(true);
      expect(await page.inputValue('#listener')).toBe('');
      await page.evaluate('answer()');
      await page.locator('button:enabled').waitFor();
      expect(await page.inputValue('#listener')).toBe('ws://127.0.0.1:6080/');
    } finally {
      await page.close();
    }
  });

  it('idle -> the platform sleeps and the page stays connected; the mouse moves -> it wakes and the screen goes on', {
    timeout: TEST_MS,
  }, async () => {
    await using session = await LiveSession.open();
    const desktop = await startDesktop(session);
    try {
      await session.listen(RFB_PORT, {
        protocol: 'rfb',
        device: 'desktop',
        probe: { kind: 'banner', expect: 'RFB ' },
        webSocket: { subprotocols: ['torpor-lz4.v1', 'binary'], origins: [pages.origin], pingEvery: '1s' },
      });
      const { host } = session.stage.platform;
      const page = await browser.newPage({ viewport: { width: 1000, height: 800 } });
      const desk = new DesktopPage(page);
      const url = `ws://127.0.0.1:${session.stage.listenPort}/`;
      await visit(page, `${pages.origin}/index.html`, PAGE_READY);
      await desk.connect(url, 0);
      await desk.waitForTick();

      await session.mayFallAsleep();
      await session.waitAsleep();
      expect(host.phase).toBe('asleep');
      const nightView = await desk.clock();
      await delay(NIGHT_MS);
      expect([await page.innerText('#state'), await desk.clock()]).toEqual(['connected, compressed', nightView]);
      expect(host.phase).toBe('asleep');

      // Nothing but a hand on the mouse.
      await page.mouse.move(300, 300);
      await page.mouse.move(320, 310);
      await session.torpor.waitForState(PLATFORM, 'awake', BOUND_MS);
      // Or it sleeps again before the screen was looked at.
      await session.stayAwake();
      await desk.waitForTick();
      await desk.waitForTick();
      expect(await page.innerText('#state')).toBe('connected, compressed');
      expect(session.stage.changes.length).toBeGreaterThan(0);

      const traffic = await desk.traffic();
      console.log(`not packed by the server: ${JSON.stringify(traffic)}`);
      expect(traffic.receivedCodedBytes).toBeLessThan(traffic.receivedBytes * 0.8);
      // One byte a message, and input cannot shrink.
      expect(traffic.sentCodedBytes).toBeLessThan(traffic.sentBytes * 1.3);

      // Another connection of the same page, whose bytes the server has packed.
      await desk.connect(url, 9);
      await desk.waitForTick();
      console.log(`packed by the server: ${JSON.stringify(await desk.traffic())}`);
      await page.close();
    } finally {
      session.vm.thaw();
      await desktop.end();
    }
  });
});
