// Peers: CUPS' clients (ipptool, lp, and the backend by which a queue prints) against CUPS' server as the printer, with a sleeper in between.
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { freePort } from '../../support/ports.ts';
import { describeWhere, findProgram, requires } from '../../support/requirements.ts';
import { spawnTied } from '../../support/spawn-tied.ts';
import { TempFolder } from '../../support/temp-folder.ts';
import { StreamRig } from '../support/stream-rig.ts';

const BACKEND = '/usr/lib/cups/backend/ipp';
const TEST_FILES = '/usr/share/cups/ipptool';
const WITHIN_MS = 60_000;
const DEFER = {
  as: 'ipp',
  forMs: 3_600_000,
  maxJobBytes: 1_000_000,
  maxJobs: 10,
  maxTotalBytes: 4_000_000,
} as const;
/** What a client asks before it prints. */
const DESCRIBE = `{
  OPERATION Get-Printer-Attributes
  GROUP operation-attributes-tag
  ATTR charset attributes-charset utf-8
  ATTR naturalLanguage attributes-natural-language en
  ATTR uri printer-uri $uri
  ATTR keyword requested-attributes all
  STATUS successful-ok
  EXPECT printer-name WITH-VALUE "paper"
  EXPECT printer-state WITH-VALUE 3
  EXPECT operations-supported
  EXPECT document-format-supported
  EXPECT printer-up-time
}`;

const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** CUPS' server with one queue that prints nothing, and keeps what it was sent. */
class Cups {
  readonly port: number;
  readonly #spool: string;

  private constructor(port: number, spool: string) {
    this.port = port;
    this.#spool = spool;
  }

  static async start(folder: string): Promise<Cups> {
    const port = await freePort();
    for (const name of ['root', 'spool', 'tmp', 'cache', 'run']) mkdirSync(join(folder, name));
    const write = (name: string, lines: readonly string[]) =>
      writeFileSync(join(folder, name), `${lines.join('\n')}\n`);
    write('cupsd.conf', [
      `Listen 127.0.0.1:${port}`,
      'Browsing Off',
      'WebInterface No',
      'PreserveJobFiles Yes',
      '<Location />\nOrder allow,deny\nAllow all\n</Location>',
      '<Policy default>\n<Limit All>\nOrder deny,allow\nAllow all\n</Limit>\n</Policy>',
    ]);
    const places = { ServerRoot: 'root', RequestRoot: 'spool', TempDir: 'tmp', CacheDir: 'cache', StateDir: 'run' };
    write('cups-files.conf', [
      'User nobody\nGroup nogroup\nSystemGroup root\nFileDevice Yes',
      'AccessLog stderr\nErrorLog stderr\nPageLog stderr',
      ...Object.entries(places).map(([key, name]) => `${key} ${join(folder, name)}`),
    ]);
    write('root/printers.conf', [
      '<Printer paper>',
      'DeviceURI file:///dev/null',
      'State Idle',
      'Accepting Yes',
      '</Printer>',
    ]);
    const files = ['-c', join(folder, 'cupsd.conf'), '-s', join(folder, 'cups-files.conf')];
    const child = spawnTied(findProgram('cupsd') ?? '', ['-f', ...files], { stdio: 'ignore' });
    closers.push(async () => {
      const over = once(child, 'exit');
      child.kill('SIGKILL');
      await over;
    });
    const cups = new Cups(port, join(folder, 'spool'));
    const uri = `ipp://127.0.0.1:${port}/printers/paper`;
    await eventually('CUPS', async () => (await run('ipptool', ['-q', uri, 'get-printers.test'])).output !== 'down', {
      withinMs: WITHIN_MS,
    });
    return cups;
  }

  /** In the order in which they came. */
  get documents(): string[] {
    const names = readdirSync(this.#spool).filter((name) => name.startsWith('d'));
    return names.sort().map((name) => readFileSync(join(this.#spool, name), 'utf8'));
  }
}

async function run(name: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const program = findProgram(name) ?? name;
  const child = spawnTied(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, LC_ALL: 'C', ...env },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => (output += chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output: /Unable to connect/.test(output) ? 'down' : output };
}

describeWhere(requires(['cupsd', 'ipptool', 'lp', BACKEND], { root: true }), 'CUPS prints to a sleeping CUPS', () => {
  test(
    'ipptool by length and in chunks, Create-Job, lp, and a queue that waits for its job -> all are told that it is safe, nobody wakes; then all is printed, once',
    async () => {
      const folder = new TempFolder('cups');
      closers.push(() => folder.remove());
      const spool = new TempFolder('cups-spool');
      closers.push(() => spool.remove());
      const cups = await Cups.start(folder.path);
      const target = { host: '127.0.0.1', port: cups.port };
      const rig = await StreamRig.start({
        listeners: [{ device: 'printer', protocol: 'auto', wakeOn: 'input', defer: DEFER, target }],
        disconnectGraceMs: 0,
        spoolFolder: spool.path,
      });
      closers.push(() => rig.close());
      const uri = `ipp://127.0.0.1:${rig.port()}/printers/paper`;
      const file = (name: string) => {
        const path = join(folder.path, name);
        writeFileSync(path, `${name}\n`);
        return path;
      };
      const tool = async (args: readonly string[], name: string, suite: string) => {
        const { code, output } = await run('ipptool', ['-tv', ...args, '-f', file(name), uri, suite]);
        expect(code, output).toBe(0);
      };
      const describe = join(folder.path, 'describe.test');
      writeFileSync(describe, DESCRIBE);

      const lp = async (name: string) => {
        const args = ['-h', `127.0.0.1:${rig.port()}/version=2.0`, '-d', 'paper', file(name)];
        const { code, output } = await run('lp', args);
        expect([code, output]).toEqual([0, expect.stringMatching(/request id is paper-\d+ \(1 file\(s\)\)/)]);
      };
      const known = () => {
        const name = readdirSync(spool.path, { recursive: true }).find((each) =>
          String(each).endsWith('printers.json'),
        );
        return name === undefined
          ? 0
          : JSON.parse(readFileSync(join(spool.path, String(name)), 'utf8')).printers.length;
      };

      // The printer is asked what it is, at the two paths where clients ask for it, and sleeps.
      await tool([], 'nothing.txt', describe);
      await lp('awake.txt');
      await eventually('what the printer says', () => known() === 2);
      await eventually('the job of the awake printer', () => cups.documents.length === 1);
      await eventually('no connection to be left', () => rig.set.streams().length === 0);
      rig.set.hold();
      rig.seen.events.splice(0);

      await tool([], 'nothing.txt', describe);
      await tool(['-L'], 'by length.txt', join(TEST_FILES, 'print-job.test'));
      await tool(['-c'], 'in chunks.txt', join(TEST_FILES, 'print-job.test'));
      await tool([], 'in two steps.txt', join(TEST_FILES, 'create-job.test'));
      await lp('by lp.txt');
      const env = {
        DEVICE_URI: uri,
        CONTENT_TYPE: 'application/octet-stream',
        FINAL_CONTENT_TYPE: 'application/octet-stream',
      };
      const queue = run(BACKEND, ['7', 'ann', 'a title', '1', '', file('by a queue.txt')], env);
      await eventually('the job of the queue', () => rig.set.spool?.jobs().length === 5, { withinMs: WITHIN_MS });
      expect(rig.seen.of('held-activity')).toEqual([]);
      expect(cups.documents).toEqual(['awake.txt\n']);

      rig.set.release(null);
      await eventually('all to be printed', () => cups.documents.length === 6, { withinMs: WITHIN_MS });
      // CUPS makes a document's file before it has its bytes, and says that a job is safe after.
      await eventually('an empty spool', () => rig.set.spool?.jobs().length === 0);
      expect(cups.documents).toEqual(
        ['awake', 'by length', 'in chunks', 'in two steps', 'by lp', 'by a queue'].map((name) => `${name}.txt\n`),
      );
      // It asks for its job until that is done, or gone.
      const { code, output } = await queue;
      expect(code, output).toBe(0);
    },
    3 * WITHIN_MS,
  );
});
