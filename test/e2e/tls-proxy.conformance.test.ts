// Peer: nginx with the certificate, in front of a waiting page, by the two recipes that docs/listeners.md shows.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { expect, test } from 'vitest';
import type { VmConnection, VmService } from '../../src/power/simulated/vm-connection.ts';
import { MarkdownPage, ROOT } from '../docs/support/markdown-page.ts';
import { freePort } from '../support/ports.ts';
import { nginxConfig, startProxy } from '../support/proxy-program.ts';
import { describeWhere, requires } from '../support/requirements.ts';
import { E2E_TIMEOUT_MS, PLATFORM, Stage } from './support/stage.ts';

const PAGE = 'docs/listeners.md';
const RECIPES = new MarkdownPage(PAGE, readFileSync(`${ROOT}${PAGE}`, 'utf8')).blocks
  .filter(({ note }) => note === 'run by test/e2e/tls-proxy.conformance.test.ts')
  .map(({ lines }) => lines.join('\n'));

/** Answers each request with its first line and its body, and ends. */
class WebService implements VmService {
  readonly #heard = new Map<VmConnection, string>();

  received(connection: VmConnection, bytes: Uint8Array): void {
    const heard = (this.#heard.get(connection) ?? '') + Buffer.from(bytes).toString('latin1');
    this.#heard.set(connection, heard);
    const [head = '', body = ''] = heard.split('\r\n\r\n', 2);
    if (!heard.includes('\r\n\r\n') || body.length < Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)) return;
    const text = head.startsWith('HEAD') ? '' : `${head.split(' ', 2).join(' ')} ${body}`;
    connection.write(Buffer.from(`HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n${text}`));
    connection.end();
  }
}

interface Answer {
  readonly status: number | undefined;
  readonly type: string;
  readonly body: string;
}

/** Of a client with a connection of its own. */
function ask(port: number, method: string, path: string, headers: object = {}, body = ''): Promise<Answer> {
  const length = body === '' ? {} : { 'content-length': String(body.length) };
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, method, path, headers: { ...headers, ...length }, agent: false };
    const asked = request({ ...options, rejectUnauthorized: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode, type: response.headers['content-type'] ?? '', body: text }),
      );
      response.on('error', reject);
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

const BROWSER = { accept: 'text/html,*/*;q=0.8', 'sec-fetch-dest': 'document' };

describeWhere(requires(['nginx', 'openssl']), 'the waiting page behind nginx', () => {
  test('the page shows two recipes', () => {
    expect(RECIPES.map((recipe) => /# in (\w+) \{/.exec(recipe)?.[1])).toEqual(['http', 'stream']);
  });

  test.each(RECIPES.map((recipe) => [/# in (\w+) \{/.exec(recipe)?.[1] ?? '', recipe] as const))(
    'in %s: a browser that meets the sleeper gets the page, a form is held and delivered whole, the page’s own question waits for the site',
    async (context, recipe) => {
      await using stage = await Stage.open({}, { vms: [{ name: 'alice', service: new WebService() }] });
      const keepsClients = context === 'stream';
      const proxyProtocol = keepsClients ? { proxyProtocol: { acceptFrom: ['127.0.0.1'] } } : {};
      stage.configure(stage.alice({ protocol: 'http', device: 'web', waitingPage: 'browsers', ...proxyProtocol }));
      const [certificate, key] = [stage.folder.file('cert.pem'), stage.folder.file('key.pem')];
      const options = ['-days', '2', '-nodes', '-newkey', 'rsa:2048', '-subj', '/CN=wiki.example'];
      execFileSync('openssl', ['req', '-x509', '-keyout', key, '-out', certificate, ...options], { stdio: 'ignore' });
      const port = await freePort();
      const block = recipe
        .replace('listen 443 ssl', `listen 127.0.0.1:${port} ssl`)
        .replace('127.0.0.1:8080', `127.0.0.1:${stage.listenPort}`)
        .replace('/etc/ssl/wiki.pem', certificate)
        .replace('/etc/ssl/wiki.key', key);
      const log = context === 'http' ? 'access_log off;' : '';
      await using _nginx = await startProxy('nginx', port, nginxConfig(`${context} { ${log}\n${block}\n}`));
      const torpor = await stage.run();
      await torpor.waitForState(PLATFORM, 'asleep');

      // As long as the platform is on its way each is answered as from the sleeper.
      const page = await ask(port, 'GET', '/start', BROWSER);
      expect([page.status, page.type]).toEqual([503, expect.stringContaining('text/html')]);
      expect(page.body).toContain('torpor-wait');
      const form = ask(port, 'POST', '/form', BROWSER, 'a=1&b=2');
      const question = await ask(port, 'HEAD', '/start', { 'torpor-wait': '1' });
      expect([question.status, question.type]).toEqual([200, 'text/plain']);
      expect(await form).toMatchObject({ status: 200, body: 'POST /form a=1&b=2' });
      expect(stage.platform.host.phase).toBe('running');
    },
    E2E_TIMEOUT_MS,
  );
});
