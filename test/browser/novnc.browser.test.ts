// Peers: noVNC in headless Chromium, TigerVNC's server in a VM that really stops. The page of recipes/novnc/, through Torpor.
import { setTimeout as delay } from 'node:timers/promises';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PLATFORM } from '../e2e/support/stage.ts';
import { KeyPad } from '../live/support/key-pad.ts';
import { LiveSession } from '../live/support/live-session.ts';
import { CLOCK_ROWS, RemoteDesktop } from '../live/support/remote-desktop.ts';
import { eventually } from '../support/eventually.ts';
import { describeWhere, findProgram, requires } from '../support/requirements.ts';
import { PageServer } from './support/page-server.ts';

const BROWSER = 'chromium';
const RFB_PORT = 5900;
const SIZE = { width: 800, height: 600 };
/** Several processes start, on a machine that is short of time. */
const BOUND_MS = 120_000;
/** So long the page is left with a sleeper; pings of Torpor's come and go meanwhile. */
const NIGHT_MS = 5_000;
const TEST_MS = 900_000;

interface Traffic {
  readonly receivedBytes: number;
  readonly receivedCodedBytes: number;
  readonly sentBytes: number;
  readonly sentCodedBytes: number;
}

/** The recipe's page in a browser, as its user sees it. */
class DesktopPage {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  async connect(listenPort: number, packing: number): Promise<void> {
    await this.page.fill('#listener', `ws://127.0.0.1:${listenPort}/`);
    await this.page.fill('#packing', String(packing));
    await this.page.click('button');
    await this.waitForState('connected, compressed');
    await eventually('a picture', async () => (await this.clock()) !== 'black', { withinMs: BOUND_MS });
  }

  async waitForState(wanted: string): Promise<void> {
    let seen = '';
    const isSo = async () => {
      seen = await this.page.innerText('#state');
      return seen === wanted;
    };
    await eventually(`the page to say "${wanted}"`, isSo, { withinMs: BOUND_MS, context: () => `it says "${seen}"` });
  }

  /** A fingerprint of the rows in which the clock ticks; `black` while nothing is drawn there. */
  async clock(): Promise<string> {
    return (await this.page.evaluate(`(async () => {
      const canvas = document.querySelector('#screen canvas');
      if (canvas === null || canvas.height < ${CLOCK_ROWS.end}) return 'black';
      const { data } = canvas.getContext('2d').getImageData(0, ${CLOCK_ROWS.from}, canvas.width, ${CLOCK_ROWS.end - CLOCK_ROWS.from});
      if (data.every((value, at) => at % 4 === 3 || value === 0)) return 'black';
      let hash = 0;
      for (const value of data) hash = (Math.imul(hash, 31) + value) | 0;
      return String(hash);
    })()`)) as string;
  }

  async waitForTick(): Promise<void> {
    const before = await this.clock();
    await eventually('the clock to tick on the screen', async () => (await this.clock()) !== before, {
      withinMs: BOUND_MS,
      everyMs: 100,
    });
  }

  async traffic(): Promise<Traffic> {
    const numbers = (await this.page.innerText('#traffic')).match(/\d+/g)?.map(Number) ?? [];
    const [receivedBytes = 0, receivedCodedBytes = 0, sentBytes = 0, sentCodedBytes = 0] = numbers;
    return { receivedBytes, receivedCodedBytes, sentBytes, sentCodedBytes };
  }
}

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

  async function startDesktop(session: LiveSession): Promise<RemoteDesktop> {
    // Each probe is a connection without a login, and after five of those TigerVNC refuses everybody at that address for a while.
    const unlocked = ['-BlacklistThreshold', '1000000'];
    const rfb = ['-rfbport', String(RFB_PORT), '-SecurityTypes', 'None', '-geometry', `${SIZE.width}x${SIZE.height}`];
    const pad = new KeyPad(session.stage.folder.file('pad'));
    return RemoteDesktop.start(session.vm, 'Xtigervnc', [...rfb, '-depth', '24', ...unlocked, '-nolisten', 'tcp'], pad);
  }

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
      await page.goto(`${pages.origin}/index.html`);
      await desk.connect(session.stage.listenPort, 0);
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
      await desk.connect(session.stage.listenPort, 9);
      await desk.waitForTick();
      console.log(`packed by the server: ${JSON.stringify(await desk.traffic())}`);
      await page.close();
    } finally {
      session.vm.thaw();
      await desktop.end();
    }
  });
});
