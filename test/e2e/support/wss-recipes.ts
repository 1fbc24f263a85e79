// The recipes of docs/web.md that end TLS before a WebSocket listener, run as they stand there but for ports and files.
import { execFileSync } from 'node:child_process';
import { createHash, createPublicKey } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { MarkdownPage } from '../../docs/support/markdown-page.ts';
import { haproxyConfig, nginxConfig, startProxy } from '../../support/proxy-program.ts';
import type { TempFolder } from '../../support/temp-folder.ts';

export const RECIPES = MarkdownPage.load('docs/web.md')
  .blocks.filter(({ note }) => note === 'run by test/e2e/wss.conformance.test.ts')
  .map(({ lines }) => lines.join('\n'));
export const [HAPROXY = '', NGINX = ''] = RECIPES;

/** For 127.0.0.1, signed by itself. */
export interface Certificate {
  readonly file: string;
  readonly keyFile: string;
}

export function makeCertificate(folder: TempFolder, name = 'cert'): Certificate {
  const [file, keyFile] = [folder.file(`${name}.pem`), folder.file(`${name}.key`)];
  const names = ['-subj', '/CN=desk.example', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const options = ['-days', '2', '-nodes', '-newkey', 'rsa:2048', ...names];
  execFileSync('openssl', ['req', '-x509', '-keyout', keyFile, '-out', file, ...options], { stdio: 'ignore' });
  return { file, keyFile };
}

/** SHA-256 of the public key in base64, by which Chromium can be told to trust this one key. Source: RFC 7469 section 2.4. */
export function keyFingerprint({ file }: Certificate): string {
  const key = createPublicKey(readFileSync(file)).export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(key).digest('base64');
}

export interface RecipeRun {
  /** Where the proxy listens. */
  readonly port: number;
  readonly torporPort: number;
  readonly certificate: Certificate;
  /** nginx: where the page is that it serves on the same port. Default: it serves none. */
  readonly pagesOrigin?: string;
}

/** Resolves when it listens. */
export function startRecipe(recipe: string, run: RecipeRun): Promise<AsyncDisposable> {
  const { port, torporPort, certificate, pagesOrigin } = run;
  const block = recipe.replace('127.0.0.1:6080', `127.0.0.1:${torporPort}`);
  if (recipe !== HAPROXY) {
    const pages = pagesOrigin === undefined ? '' : `location / { proxy_pass ${pagesOrigin}; }\n    `;
    const served = block
      .replace('listen 443 ssl', `listen 127.0.0.1:${port} ssl`)
      .replace('/etc/ssl/desk.pem', certificate.file)
      .replace('/etc/ssl/desk.key', certificate.keyFile)
      .replace('location /websockify', `${pages}location /websockify`);
    return startProxy('nginx', port, nginxConfig(`http { access_log off;\n${served}\n}`));
  }
  const both = `${certificate.file}.both`;
  const { file, keyFile } = certificate;
  writeFileSync(both, readFileSync(file, 'utf8') + readFileSync(keyFile, 'utf8'), { mode: 0o600 });
  const served = block.replace('bind :443', `bind 127.0.0.1:${port}`).replace('/etc/haproxy/desk.pem', both);
  return startProxy('haproxy', port, haproxyConfig(`${served}\n`));
}
