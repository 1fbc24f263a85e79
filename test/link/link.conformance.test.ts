// Peers: OpenSSH's scp and ssh, through `torpor link edge` and `torpor link gate` as processes, over a line that breaks.
import { type ChildProcess, execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { NamespaceVm } from '../e2e/support/namespace-vm.ts';
import { OPENSSH_PROGRAMS, OpenSsh } from '../e2e/support/openssh.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/ports.ts';
import { describeWhere, requires } from '../support/requirements.ts';
import { spawnTied } from '../support/spawn-tied.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { Relay } from './support/relay.ts';

const FILE_BYTES = 24_000_000;
const missing = requires([...OPENSSH_PROGRAMS, 'ip'], { root: true });

describeWhere(missing, 'OpenSSH through a link', () => {
  let folder: TempFolder;
  let vm: NamespaceVm;
  let ssh: OpenSsh;
  let relay: Relay;
  let ends: ChildProcess[] = [];
  let port: number;
  let said = '';

  const torpor = (...args: string[]) => ['dist/cli/main.js', 'link', ...args, '--keys', folder.file('keys')];
  async function startEnd(ready: RegExp, ...args: string[]): Promise<void> {
    const child = spawnTied(process.execPath, torpor(...args), { stdio: ['ignore', 'pipe', 'pipe'] });
    ends.push(child);
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
    }
    await eventually(String(ready), () => ready.test(said), { withinMs: 30_000, context: () => said });
  }

  beforeAll(async () => {
    folder = new TempFolder('link-ssh');
    execFileSync(process.execPath, torpor('keygen'));
    vm = new NamespaceVm();
    ssh = await OpenSsh.start(folder, vm);
    const [gatePort, edgePort] = [await freePort(), await freePort()];
    port = edgePort;
    relay = await Relay.start(gatePort);
    await startEnd(/gate listens/, 'gate', '--listen', `127.0.0.1:${gatePort}`, '--service', `shell=${ssh.target}`);
    await startEnd(/link stands/, 'edge', '--gate', `127.0.0.1:${relay.port}`, '--listen', `${edgePort}=shell`);
  }, 120_000);
  afterAll(async () => {
    for (const child of ends) child.kill('SIGKILL');
    ends = [];
    await relay?.close();
    vm?.[Symbol.dispose]();
    folder?.[Symbol.dispose]();
  });

  it('scp there and back while the line is cut ten times -> the same file, and the shell beside it is the same shell', async () => {
    const shell = ssh.openShell(port);
    const pid = await shell.askPid();
    const file = folder.file('file');
    writeFileSync(
      file,
      Buffer.concat([randomBytes(FILE_BYTES / 2), Buffer.alloc(FILE_BYTES / 2, 'a line of a log\n')]),
    );
    let isDone = false;
    let cuts = 0;
    const copying = (async () => {
      await ssh.copy(port, file, folder.file('there'), 'to');
      await ssh.copy(port, folder.file('there'), folder.file('back'), 'from');
    })().finally(() => {
      isDone = true;
    });
    while (!isDone && cuts < 10) {
      await new Promise((resolve) => setTimeout(resolve, 150));
      relay.cut();
      cuts += 1;
      await eventually('the link again', () => isDone || relay.connections > cuts);
    }
    await copying;
    const digest = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
    expect(digest(folder.file('back'))).toBe(digest(file));
    expect(await shell.askPid()).toBe(pid);
    expect(cuts).toBeGreaterThan(1);
    shell.end();
  });

  it('SIGTERM to both -> they end in order, and tell what they carried', async () => {
    const [gate, edge] = ends as [ChildProcess, ChildProcess];
    for (const child of [edge, gate]) {
      const ended = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGTERM');
      expect(await ended).toBe(0);
    }
    expect(said).toMatch(/"sent":"\d+/);
    expect(said).toContain('the edge stops');
  });
});
