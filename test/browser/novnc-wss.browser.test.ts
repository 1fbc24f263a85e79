// Peers: noVNC in headless Chromium on a page by https, HAProxy and nginx that end TLS by the recipes of docs/web.md, TigerVNC's server in a VM that really stops.
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PLATFORM } from '../e2e/support/stage.ts';
import {
  type Certificate,
  HAPROXY,
  keyFingerprint,
  makeCertificate,
  NGINX,
  startRecipe,
} from '../e2e/support/wss-recipes.ts';
import { LiveSession } from '../live/support/live-session.ts';
import { freePort } from '../support/ports.ts';
import { describeWhere, findProgram, requires } from '../support/requirements.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { BOUND_MS, DesktopPage, PAGE_READY, RFB_PORT, startDesktop } from './support/desktop-page.ts';
import { PageServer } from './support/page-server.ts';
import { visit } from './support/visit.ts';

const BROWSER = 'chromium';
/** So long the page is left with a sleeper: three pings without a Pong, and Torpor would have ended it. */
const NIGHT_MS = 6_000;
const PING_EVERY = '1s';
const TEST_MS = 900_000;

const missing = requires([BROWSER, 'haproxy', 'nginx', 'openssl', 'Xtigervnc', 'xterm', 'ip'], { root: true });

describeWhere(missing, 'noVNC in Chromium over wss', () => {
  const folder = new TempFolder('wss');
  let certificate: Certificate;
  let browser: Browser;

  beforeAll(async () => {
    certificate = makeCertificate(folder);
    // This one key is trusted, and no other. No sandbox: the suite runs as root, and the page is our own.
    const trust = `--ignore-certificate-errors-spki-list=${keyFingerprint(certificate)}`;
    const executablePath = findProgram(BROWSER) ?? BROWSER;
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox', trust] });
  });
  afterAll(async () => {
    await browser?.close();
    folder.remove();
  });

  const startPages = ({ file, keyFile }: Certificate) =>
    PageServer.start({ cert: readFileSync(file), key: readFileSync(keyFile) });

  it('a server with another key -> the browser takes neither page nor WebSocket from it', async () => {
    const [ours, others] = [await startPages(certificate), await startPages(makeCertificate(folder, 'other'))];
    // A page of its own: the browser shows its error there, by and by.
    const [refused, page] = [await browser.newPage(), await browser.newPage()];
    try {
      await expect(refused.goto(`${others.origin}/`)).rejects.toThrow('ERR_CERT_AUTHORITY_INVALID');
      await page.goto(`${ours.origin}/`);
      expect(await page.evaluate('isSecureContext')).toBe(true);
      const closed = await page.evaluate(`new Promise((resolve) => {
        const socket = new WebSocket('${others.origin.replace('https', 'wss')}/');
        socket.onopen = () => resolve('open');
        socket.onclose = ({ code }) => resolve(code);
      })`);
      expect(closed).toBe(1006);
      expect(others.requests).toEqual([]);
    } finally {
      await refused.close();
      await page.close();
      await ours.close();
      await others.close();
    }
  });

  it.each([
    ['HAProxy, the page on another port', HAPROXY],
    ['nginx, which serves the page too', NGINX],
  ])(
    '%s: idle -> the platform sleeps and the page stays connected; the mouse moves -> it wakes and the screen goes on',
    { timeout: TEST_MS },
    async (_, recipe) => {
      const isHaproxy = recipe === HAPROXY;
      await using session = await LiveSession.open();
      const desktop = await startDesktop(session);
      const pages = isHaproxy ? await startPages(certificate) : await PageServer.start();
      const page = await browser.newPage({ viewport: { width: 1000, height: 800 } });
      try {
        const port = await freePort();
        const { listenPort: torporPort, platform } = session.stage;
        const behind = isHaproxy ? {} : { pagesOrigin: pages.origin };
        await using _proxy = await startRecipe(recipe, { port, torporPort, certificate, ...behind });
        await session.listen(RFB_PORT, {
          protocol: 'rfb',
          device: 'desktop',
          probe: { kind: 'banner', expect: 'RFB ' },
          webSocket: {
            ...{ path: '/websockify', subprotocols: ['torpor-lz4.v1', 'binary'], pingEvery: PING_EVERY },
            ...(isHaproxy && { origins: [pages.origin] }),
          },
          // Nothing but HAProxy's own connections is taken.
          ...(isHaproxy && { proxyProtocol: { acceptFrom: ['127.0.0.1'] } }),
        });
        const desk = new DesktopPage(page);
        await visit(page, `${isHaproxy ? pages.origin : `https://127.0.0.1:${port}`}/index.html`, PAGE_READY);
        await desk.connect(`wss://127.0.0.1:${port}/websockify`, 0);
        await desk.waitForTick();
        const { id } = await session.stream();

        await session.mayFallAsleep();
        await session.waitAsleep();
        expect(platform.host.phase).toBe('asleep');
        const nightView = await desk.clock();
        await delay(NIGHT_MS);
        expect([await page.innerText('#state'), await desk.clock()]).toEqual(['connected, compressed', nightView]);
        expect(await session.stream()).toMatchObject({ id, mode: 'holding' });
        expect(platform.host.phase).toBe('asleep');

        // Nothing but a hand on the mouse.
        await page.mouse.move(300, 300);
        await page.mouse.move(320, 310);
        await session.torpor.waitForState(PLATFORM, 'awake', BOUND_MS);
        // Or it sleeps again before the screen was looked at.
        await session.stayAwake();
        await desk.waitForTick();
        await desk.waitForTick();
        expect(await page.innerText('#state')).toBe('connected, compressed');
        expect(await session.stream()).toMatchObject({ id, mode: 'flowing' });
        expect(platform.host.phase).toBe('running');
      } finally {
        session.vm.thaw();
        await page.close();
        await pages.close();
        await desktop.end();
      }
    },
  );
});
