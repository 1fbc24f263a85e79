// Serves a page, the package as a page gets it, and noVNC beside it, as any server of static files would.
import { readFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
/** What a page may be given, by the beginning of its path. */
const FOLDERS: readonly (readonly [prefix: string, folder: string])[] = [
  ['/node_modules/torpor/dist/', 'dist'],
  ['/node_modules/torpor/build/', 'build'],
  ['/node_modules/@novnc/novnc/', 'node_modules/@novnc/novnc'],
  ['/', 'recipes/novnc'],
];
const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript',
  '.html': 'text/html',
  '.css': 'text/css',
  '.wasm': 'application/wasm',
};
/** No more is needed for the core; what docs/web-clients.md says. */
const POLICY =
  "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' ws: wss:; img-src 'self' data:; style-src 'self' 'unsafe-inline'";
const EMPTY_PAGE = '<!doctype html><meta charset="utf-8"><title>page</title>';

export interface Tls {
  readonly cert: Buffer;
  readonly key: Buffer;
}

export class PageServer {
  readonly requests: string[] = [];
  /** Beginnings of paths that are answered by 404. */
  missing: string[] = [];
  /** Served as bytes of no type, as some servers serve .wasm. */
  hasWasmType = true;
  readonly server: Server;

  readonly #scheme: 'http' | 'https';

  private constructor(tls: Tls | null) {
    const answer: RequestListener = async ({ url }, response) => {
      const path = new URL(url ?? '/', 'http://localhost').pathname;
      this.requests.push(path);
      const body = path === '/' ? EMPTY_PAGE : await this.#read(path);
      const type = extname(path) === '.wasm' && !this.hasWasmType ? 'application/octet-stream' : TYPES[extname(path)];
      response.writeHead(body === null ? 404 : 200, {
        'content-type': path === '/' ? 'text/html' : (type ?? 'text/plain'),
        'content-security-policy': POLICY,
      });
      response.end(body);
    };
    this.#scheme = tls === null ? 'http' : 'https';
    this.server = tls === null ? createServer(answer) : createSecureServer(tls, answer);
  }

  /** `tls`: by https, with this certificate and key in PEM. */
  static async start(tls: Tls | null = null): Promise<PageServer> {
    const pages = new PageServer(tls);
    await new Promise<void>((resolve) => pages.server.listen(0, '127.0.0.1', resolve));
    return pages;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get origin(): string {
    return `${this.#scheme}://127.0.0.1:${this.port}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  async #read(path: string): Promise<Buffer | null> {
    const found = FOLDERS.find(([prefix]) => path.startsWith(prefix));
    if (found === undefined || this.missing.some((start) => path.startsWith(start))) return null;
    const inside = normalize(path.slice(found[0].length));
    if (inside.startsWith('..')) return null;
    return readFile(join(ROOT, found[1], inside)).catch(() => null);
  }
}
