// Peer: QEMU. Its NBD client works on its NBD server's disk through a listener with device: disk, and is counted while that server stands still.

import { once } from 'node:events';
import { truncateSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import type { Writable } from 'node:stream';
import { afterEach, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { freePort } from '../support/ports.ts';
import { describeWhere, requires } from '../support/requirements.ts';
import { spawnTied } from '../support/spawn-tied.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { SocketReader } from './support/socket-reader.ts';
import { StreamRig } from './support/stream-rig.ts';

const IDLE_TIMEOUT_MS = 60_000;
const WRITES = 4;
const PROMPT = 'qemu-io> ';
const NEVER = new AbortController().signal;

const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Starts a program with its output gathered; it is gone when the test is over. */
function start(name: string, args: readonly string[]) {
  const child = spawnTied(name, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const said = { text: '' };
  for (const output of [child.stdout, child.stderr]) {
    output?.setEncoding('utf8').on('data', (text: string) => {
      said.text += text;
    });
  }
  const over = new Promise((resolve) => child.once('close', resolve));
  closers.push(async () => {
    child.kill('SIGKILL');
    await over;
  });
  return { child, said, stdin: child.stdin as Writable };
}

/** Resolves once the server greets whoever connects. */
async function greets(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    await new SocketReader(socket).until(18);
    return true;
  } finally {
    socket.destroy();
  }
}

/** QEMU's server with an empty disk, and its client, past its handshake, behind a rig's listener. */
async function startDisk() {
  const folder = new TempFolder('disk');
  closers.push(() => folder.remove());
  const image = folder.file('disk.raw');
  writeFileSync(image, '');
  truncateSync(image, 16 * 1024 * 1024);
  const port = await freePort();
  const server = start('qemu-nbd', [
    '-f',
    'raw',
    '-b',
    '127.0.0.1',
    '-p',
    String(port),
    '-t',
    '-e',
    '4',
    '--discard=unmap',
    image,
  ]);
  await eventually('the NBD server', () => greets(port), { context: () => server.said.text });
  const clock = new FakeClock();
  const listeners = [{ protocol: 'auto', activity: 'learned', device: 'disk' }] as const;
  const rig = await StreamRig.start({ clock, target: port, idleTimeoutMs: IDLE_TIMEOUT_MS, listeners });
  closers.push(() => rig.close());
  const client = start('qemu-io', ['-f', 'raw', '--discard=unmap', `nbd://127.0.0.1:${rig.port()}`]);
  const context = () => client.said.text;
  await eventually('the prompt', () => context().endsWith(PROMPT), { context });
  // qemu-io reads a line when its input has something new: one line at a time, each after a prompt.
  const run = async (command: string, answer = '') => {
    const from = context().length;
    client.stdin.write(`${command}\n`);
    const isDone = () => {
      const said = context().slice(from);
      return said.includes(answer) && said.lastIndexOf(PROMPT) >= said.indexOf(answer);
    };
    await eventually(command, isDone, { context });
  };
  const drain = async (boundMs: number) => {
    const report = rig.set.drain(boundMs, NEVER);
    let isDone = false;
    void report.then(() => {
      isDone = true;
    });
    await eventually('the drain', async () => {
      await clock.advance(25);
      return isDone;
    });
    return report;
  };
  return { clock, rig, server, client, run, drain };
}

describeWhere(requires(['qemu-nbd', 'qemu-io']), 'QEMU’s NBD through a listener with device: disk', () => {
  it('reads, writes, zeroes, discards and flushes, then writes at a server that stands still -> as many counted as were sent', async () => {
    const { clock, rig, server, client, run, drain } = await startDisk();
    await run('write -P 7 0 1M', 'wrote 1048576');
    await run('read -P 7 0 1M', 'read 1048576');
    await run('write -z 64k 128k', 'wrote 131072');
    await run('discard 512k 64k', 'discard 65536');
    await run('read -P 0 64k 128k', 'read 131072');
    await run('flush');
    expect(client.said.text).not.toContain('Pattern verification failed');
    expect(await drain(5_000)).toMatchObject({ drained: true });

    server.child.kill('SIGSTOP');
    const before = rig.set.streams()[0]?.bytesFromClient ?? 0;
    for (let write = 0; write < WRITES; write += 1) await run(`aio_write -P 9 ${2 + write}M 4k`);
    const sent = () => (rig.set.streams()[0]?.bytesFromClient ?? 0) - before;
    await eventually('the writes in Torpor', () => sent() >= WRITES * (28 + 4096));
    await clock.advance(3 * IDLE_TIMEOUT_MS);
    expect(rig.set.streams()[0]).toMatchObject({ active: true, lastActiveWhy: 'a disk request is unanswered' });
    rig.set.hold();
    expect(await drain(1_000)).toMatchObject({ drained: false, unansweredRequests: WRITES });

    server.child.kill('SIGCONT');
    await eventually('the answers', async () => (await drain(0)).unansweredRequests === undefined);
    expect(await drain(5_000)).toMatchObject({ drained: true });
    rig.set.release(null);
    await run('aio_flush');
    await run('read -P 9 2M 4k', 'read 4096');
    expect(client.said.text).not.toContain('failed');
  });
});
