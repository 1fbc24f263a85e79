// A tab of headless Chromium at the dashboard: what went wrong in it is kept, and nothing may.
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { AxeResults } from 'axe-core';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { findProgram } from '../../support/requirements.ts';

export const BROWSER = 'chromium';
/** Git ignores it. */
const PICTURES = fileURLToPath(new URL('../../../artifacts/dashboard/', import.meta.url));
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Without a sandbox: the suite may run as root, and the pages are our own. */
export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: findProgram(BROWSER) ?? BROWSER, args: ['--no-sandbox'] });
}

export class Tab implements AsyncDisposable {
  readonly page: Page;
  /** Script errors, and what the content security policy forbade. */
  readonly troubles: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.on('pageerror', (error) => this.troubles.push(error.message));
    page.on('console', (message) => {
      const text = message.text();
      if (message.type() === 'error' && !text.startsWith('Failed to load resource')) this.troubles.push(text);
    });
  }

  static async open(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Tab> {
    const context = await browser.newContext({ viewport: { width: 1200, height: 860 }, locale: 'en-GB', ...options });
    const page = await context.newPage();
    page.setDefaultTimeout(30_000);
    const tab = new Tab(page);
    await page.goto(url);
    return tab;
  }

  /** Kept beside the results of the run, for people to look at. */
  async picture(name: string): Promise<void> {
    mkdirSync(PICTURES, { recursive: true });
    await this.page.screenshot({ path: `${PICTURES}${name}.png`, fullPage: true });
  }

  /** What axe finds wrong by WCAG 2.2 A and AA, each with the element. Evaluated from outside, where the page's policy does not reach. */
  async accessibilityProblems(): Promise<string[]> {
    await this.page.evaluate(AXE);
    const results = (await this.page.evaluate(
      `axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })`,
    )) as AxeResults;
    return results.violations.flatMap(({ id, help, nodes }) =>
      nodes.map((node) => `${id}: ${help}: ${node.html.slice(0, 160)}`),
    );
  }

  /** True where the page is wider than its window. */
  overflows(): Promise<boolean> {
    return this.page.evaluate('document.documentElement.scrollWidth > innerWidth');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.context().close();
  }
}
