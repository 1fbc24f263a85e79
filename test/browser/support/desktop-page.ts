// The page of recipes/novnc/ in a browser, as its user sees it. Starts no browser.
import type { Page } from 'playwright-core';
import { KeyPad } from '../../live/support/key-pad.ts';
import type { LiveSession } from '../../live/support/live-session.ts';
import { CLOCK_ROWS, RemoteDesktop } from '../../live/support/remote-desktop.ts';
import { eventually } from '../../support/eventually.ts';

export const RFB_PORT = 5900;
/** What the page's script fills in itself must not come later. */
export const PAGE_READY = 'button:enabled';
const SIZE = { width: 800, height: 600 };
/** Several processes start, on a machine that is short of time. */
export const BOUND_MS = 120_000;

export interface Traffic {
  readonly receivedBytes: number;
  readonly receivedCodedBytes: number;
  readonly sentBytes: number;
  readonly sentCodedBytes: number;
}

export class DesktopPage {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  /** `url`: of a WebSocket listener, or of what stands before it. */
  async connect(url: string, packing: number): Promise<void> {
    await this.page.locator(PAGE_READY).waitFor();
    await this.page.fill('#listener', url);
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

/** TigerVNC's server in the session's VM. */
export async function startDesktop(session: LiveSession): Promise<RemoteDesktop> {
  // Each probe is a connection without a login, and after five of those TigerVNC refuses everybody at that address for a while.
  const unlocked = ['-BlacklistThreshold', '1000000'];
  const rfb = ['-rfbport', String(RFB_PORT), '-SecurityTypes', 'None', '-geometry', `${SIZE.width}x${SIZE.height}`];
  const pad = new KeyPad(session.stage.folder.file('pad'));
  return RemoteDesktop.start(session.vm, 'Xtigervnc', [...rfb, '-depth', '24', ...unlocked, '-nolisten', 'tcp'], pad);
}
