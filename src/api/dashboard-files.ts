// The dashboard's files, read once at the start: a closed list, so that no request can name a path. Who may have them is build-api.ts's.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';

export interface DashboardFile {
  readonly url: string;
  readonly type: string;
  readonly etag: string;
  readonly bytes: Buffer;
  /** Compressed with Brotli; null where that would not make it smaller. */
  readonly brotli: Buffer | null;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

/** Seen from src/api as from dist/api. */
const PACKAGE = fileURLToPath(new URL('../../', import.meta.url));
const SCRIPTS = join(PACKAGE, 'dist/dashboard');
/** What the page's scripts share with Torpor itself. */
const SHARED = ['units.js', 'errors.js', 'inhibitor.js', 'farm-sums.js'];

/**
 * All files of the dashboard. Throws where one is missing: the program is not built, or not whole.
 * The libraries and fonts come from their packages as they are; nothing is fetched from elsewhere.
 */
export function readDashboardFiles(): DashboardFile[] {
  const require = createRequire(import.meta.url);
  const packageFile = (name: string, path: string) => join(dirname(require.resolve(`${name}/package.json`)), path);
  const sources: Array<[url: string, path: string]> = [
    ['/', join(PACKAGE, 'dashboard/index.html')],
    ['/favicon.svg', join(PACKAGE, 'dashboard/favicon.svg')],
    ['/assets/style.css', join(PACKAGE, 'dashboard/style.css')],
    ['/assets/uplot.css', packageFile('uplot', 'dist/uPlot.min.css')],
    ['/assets/dashboard/vendor/uplot.js', packageFile('uplot', 'dist/uPlot.esm.js')],
    ['/assets/dashboard/vendor/preact.js', packageFile('preact', 'dist/preact.mjs')],
    ['/assets/fonts/newsreader.woff2', fontFile(packageFile, 'newsreader')],
    ['/assets/fonts/public-sans.woff2', fontFile(packageFile, 'public-sans')],
    ...SHARED.map((name): [string, string] => [`/assets/platform/${name}`, join(PACKAGE, 'dist/platform', name)]),
    ...listScripts(''),
    ...listScripts('page/'),
  ];
  return sources.map(([url, path]) => readDashboardFile(url, path));
}

function fontFile(packageFile: (name: string, path: string) => string, font: string): string {
  return packageFile(`@fontsource-variable/${font}`, `files/${font}-latin-wght-normal.woff2`);
}

function listScripts(folder: string): Array<[string, string]> {
  const names = readdirSync(join(SCRIPTS, folder)).filter((name) => name.endsWith('.js'));
  return names.map((name) => [`/assets/dashboard/${folder}${name}`, join(SCRIPTS, folder, name)]);
}

function readDashboardFile(url: string, path: string): DashboardFile {
  const bytes = readFileSync(path);
  const extension = extname(path) === '.mjs' ? '.js' : extname(path);
  const type = TYPES[extension] ?? 'application/octet-stream';
  const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
  const brotli = extension === '.woff2' ? null : compress(bytes);
  return { url, type, etag, bytes, brotli: brotli !== null && brotli.length < bytes.length ? brotli : null };
}

/** A middle quality: all of them together take some tens of milliseconds, once. */
function compress(bytes: Buffer): Buffer {
  return brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 6 } });
}
