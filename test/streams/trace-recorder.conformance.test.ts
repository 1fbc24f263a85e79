// Peers: OpenSSH and OpenSSL. Real sessions recorded: every byte is accounted for, and nothing of what is encrypted is kept.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadCore } from '../../src/core/stream-core.ts';
import { TraceRecorder } from '../../src/streams/trace-recorder.ts';
import { replayTraces } from '../../src/streams/trace-replay.ts';
import { systemClock } from '../../src/system-clock.ts';
import { eventually } from '../support/eventually.ts';
import { KeptLog } from '../support/kept-log.ts';
import { freePort } from '../support/ports.ts';
import { describeWhere, findProgram, requires } from '../support/requirements.ts';
import { spawnTied } from '../support/spawn-tied.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { StreamRig } from './support/stream-rig.ts';

interface Line {
  readonly dir?: 'c2s' | 's2c';
  readonly n: number;
  readonly head_hex: string;
  readonly full?: string;
  readonly tls?: readonly number[];
}

const TLS_HEADER_BYTES = 5;

let folder: TempFolder;
const closers: Array<() => unknown> = [];
beforeEach(() => {
  folder = new TempFolder('recorded');
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  folder.remove();
});

/** A daemon that listens on a port of 127.0.0.1; gone when the test is over. */
async function startServer(program: string, args: readonly string[], port: number): Promise<void> {
  const child = spawnTied(findProgram(program) ?? program, args, { stdio: ['pipe', 'ignore', 'ignore'] });
  const over = new Promise((resolve) => child.once('close', resolve));
  closers.push(async () => {
    child.kill('SIGKILL');
    await over;
  });
  await eventually(`${program} to listen`, () => {
    return new Promise<boolean>((resolve) => {
      const socket = connect({ host: '127.0.0.1', port });
      const settle = (listens: boolean) => () => {
        socket.destroy();
        resolve(listens);
      };
      socket.once('connect', settle(true)).once('error', settle(false));
    });
  });
}

/** Runs a client through a recorded listener to its end; answers the trace, its last line left out. */
async function record(target: number, protocol: 'ssh' | 'auto', runClient: (port: number) => Promise<string>) {
  const recorder = await TraceRecorder.open({
    folder: folder.file('traces'),
    maxFiles: 10,
    maxFileBytes: 1024 * 1024,
    clock: systemClock,
    log: new KeptLog(),
  });
  const rig = await StreamRig.start({ target, recorder, listeners: [{ protocol, activity: 'learned', record: true }] });
  closers.push(() => rig.close());
  const output = await runClient(rig.port());
  await eventually('its end', () => rig.seen.of('closed').length === 1);
  const [, carried = ''] = /\((.*)\)$/.exec(rig.seen.of('closed')[0]?.why ?? '') ?? [];
  const { bytesFromClient, bytesToClient } = rig.seen.of('closed')[0]?.status ?? {
    bytesFromClient: 0,
    bytesToClient: 0,
  };
  await recorder.close();
  const text = readFileSync(folder.file(`traces/${readdirSync(folder.file('traces'))[0]}`), 'utf8');
  const lines = text
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => JSON.parse(line) as Line);
  const reads = lines.filter(({ dir }) => dir !== undefined);
  const sum = (dir: string) => reads.filter((line) => line.dir === dir).reduce((total, { n }) => total + n, 0);
  expect([sum('c2s'), sum('s2c')], carried).toEqual([bytesFromClient, bytesToClient]);
  const core = await loadCore({ maxStreams: 1, heapBytes: 256 * 1024 });
  expect(replayTraces([{ name: 'recorded', text }], { core, protocol }).length).toBeGreaterThan(0);
  return { output, reads };
}

/** Runs a program with what it is to read; resolves with what it wrote. */
function run(program: string, args: readonly string[], input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawnTied(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    child.once('error', reject);
    child.once('close', () => resolve(output));
    child.stdin?.end(input);
  });
}

describeWhere(requires(['openssl']), 'OpenSSL through a recorded listener', () => {
  it.each(['-tls1_3', '-tls1_2'])(
    '%s: a session -> its records account for every byte; after the handshake only headers',
    async (version) => {
      const subject = ['-nodes', '-subj', '/CN=test', '-days', '1'];
      const files = ['-keyout', folder.file('key'), '-out', folder.file('cert')];
      execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', ...subject, ...files], { stdio: 'ignore' });
      const port = await freePort();
      const server = [
        's_server',
        '-accept',
        `127.0.0.1:${port}`,
        '-cert',
        folder.file('cert'),
        '-key',
        folder.file('key'),
        '-rev',
        '-quiet',
      ];
      await startServer('openssl', server, port);
      // What stands before the line break comes back reversed; "Q" is sent as text, with -ign_eof only the server ends it.
      const client = (listen: number) =>
        run(
          'openssl',
          ['s_client', '-connect', `127.0.0.1:${listen}`, version, '-quiet', '-no_ign_eof'],
          'correct horse\n',
        );
      const { reads } = await record(port, 'auto', client);
      for (const dir of ['c2s', 's2c']) {
        const own = reads.filter((line) => line.dir === dir);
        const records = own.flatMap(({ tls }) => tls ?? []);
        let bytes = 0;
        for (let index = 1; index < records.length; index += 2) bytes += TLS_HEADER_BYTES + (records[index] as number);
        expect(bytes).toBe(own.reduce((sum, { n }) => sum + n, 0));
        const firstSealed = own.findIndex(({ tls }) => tls?.some((type, index) => index % 2 === 0 && type !== 22));
        expect(firstSealed).toBeGreaterThanOrEqual(0);
        const sealed = own.slice(firstSealed + 1);
        expect(
          sealed.every(({ head_hex, full }) => head_hex.length / 2 <= TLS_HEADER_BYTES && full === undefined),
        ).toBe(true);
      }
    },
  );
});

describeWhere(requires(['sshd', 'ssh', 'ssh-keygen'], { root: true }), 'OpenSSH through a recorded listener', () => {
  it('a command -> banners and key exchange by their heads, and not a byte of what follows', async () => {
    for (const key of ['host-key', 'user-key']) {
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', key, '-f', folder.file(key)]);
    }
    mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
    const port = await freePort();
    const settings = [
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${folder.file('host-key')}`,
      `AuthorizedKeysFile ${folder.file('user-key.pub')}`,
      'PidFile none',
      'StrictModes no',
      'UsePAM no',
      'PermitRootLogin yes',
    ];
    writeFileSync(folder.file('sshd-config'), `${settings.join('\n')}\n`);
    await startServer('sshd', ['-D', '-e', '-f', folder.file('sshd-config')], port);
    const options = [
      'StrictHostKeyChecking=no',
      `UserKnownHostsFile=${folder.file('known')}`,
      'BatchMode=yes',
      'LogLevel=ERROR',
    ];
    const client = (listen: number) => {
      const args = ['-F', 'none', '-i', folder.file('user-key'), ...options.flatMap((option) => ['-o', option])];
      return run('ssh', [...args, '-p', String(listen), `${userInfo().username}@127.0.0.1`, 'echo $((40 + 2))'], '');
    };
    const { output, reads } = await record(port, 'ssh', client);
    expect(output.trim()).toBe('42');
    for (const dir of ['c2s', 's2c']) {
      const heads = reads.filter((line) => line.dir === dir).map(({ head_hex }) => head_hex);
      expect(Buffer.from(heads[0] ?? '', 'hex').toString('latin1')).toMatch(/^SSH-2\.0-OpenSSH/);
      const firstSealed = heads.indexOf('');
      // The banner, then at most two reads of the key exchange in either direction before NEWKEYS, which may share a read.
      expect(firstSealed).toBeGreaterThan(1);
      expect(firstSealed).toBeLessThanOrEqual(5);
      expect(heads.slice(firstSealed).every((head) => head === '')).toBe(true);
      expect(heads.length - firstSealed).toBeGreaterThan(2);
    }
    expect(reads.every(({ full, tls }) => full === undefined && tls === undefined)).toBe(true);
  });
});
