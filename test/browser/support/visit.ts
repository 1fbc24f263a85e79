// A page's way into the browser. Where the machine's network changes meanwhile (a namespace of another test, a lease), Chromium drops what it
// loads, also from loopback: then it begins anew.
import type { Page, Request } from 'playwright-core';

const NETWORK_CHANGED = 'ERR_NETWORK_CHANGED';
const TRIES = 5;

/** Goes there, and waits until `ready`, a selector, is visible. Rejects where something else goes wrong, or the network keeps changing. */
export async function visit(page: Page, url: string, ready: string): Promise<void> {
  for (let left = TRIES; left > 0; left -= 1) {
    if (await arrives(page, url, ready)) return;
    console.log(`the network changed while ${url} was loaded: once more`);
  }
  throw new Error(`the network changed ${TRIES} times while ${url} was loaded`);
}

/** False where the network changed meanwhile. */
async function arrives(page: Page, url: string, ready: string): Promise<boolean> {
  let onFailed = (_request: Request) => {};
  const isChanged = new Promise<false>((resolve) => {
    onFailed = (request) => {
      if (request.failure()?.errorText.includes(NETWORK_CHANGED) === true) resolve(false);
    };
  });
  page.on('requestfailed', onFailed);
  const arrived = page.goto(url).then(async () => {
    await page.locator(ready).first().waitFor();
    return true;
  });
  // Where the network changed first, nobody waits for it any more.
  arrived.catch(() => {});
  try {
    return await Promise.race([isChanged, arrived]);
  } catch (thrown) {
    if (String(thrown).includes(NETWORK_CHANGED)) return false;
    throw thrown;
  } finally {
    page.off('requestfailed', onFailed);
  }
}
