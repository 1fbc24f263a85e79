// Unix sockets, to listen on and as targets: whose file it is, what clients are called and share, how streams begin and end there.
import { once } from 'node:events';
import { lstatSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { TcpProbe } from '../../src/probes/tcp-probe.ts';
import type { ListenerOptions } from '../../src/streams/listener.ts';
import { systemClock } from '../../src/system-clock.ts';
import { comesTrue, eventually } from '../support/eventually.ts';
import { spawnTied } from '../support/spawn-tied.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { SocketReader } from './support/socket-reader.ts';
import { type RigOptions, StreamRig, VmServer } from './support/stream-rig.ts';

const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function makeFolder(): TempFolder {
  const folder = new TempFolder('unix');
  closers.push(() => folder.remove());
  return folder;
}

function at(path: string) {
  return { host: `unix:${path}`, port: 0 };
}

/** A rig that listens at the path. */
async function startRig(path: string, listener: Partial<ListenerOptions> = {}, options: RigOptions = {}) {
  const vm = await VmServer.start((socket) => socket.pipe(socket));
  const rig = await StreamRig.start({ target: vm.port, ...options, listeners: [{ listen: at(path), ...listener }] });
  closers.push(async () => {
    await rig.close();
    vm.close();
  });
  return { rig, vm };
}

async function connectTo(path: string): Promise<{ socket: Socket; reader: SocketReader }> {
  const socket = connect({ path, allowHalfOpen: true });
  closers.push(() => socket.destroy());
  await once(socket, 'connect');
  return { socket, reader: new SocketReader(socket) };
}

/** Whoever listens there without Torpor. */
async function listenAt(path: string, onSocket: (socket: Socket) => void = () => {}): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, onSocket);
  server.listen(path);
  await once(server, 'listening');
  closers.push(() => server.close());
  return server;
}

/** A socket's file whose program was killed. */
async function leaveStale(path: string): Promise<void> {
  const program = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  await once(spawnTied(process.execPath, ['-e', program], { stdio: 'ignore' }), 'exit');
  expect(lstatSync(path).isSocket()).toBe(true);
}

const modeOf = (path: string) => lstatSync(path).mode & 0o777;

describe('a listener on a Unix socket', () => {
  it('a client -> bytes both ways, called unix, its FIN and the VM’s pass; at the end the file is gone', async () => {
    const folder = makeFolder();
    const path = folder.file('alice.sock');
    const { rig } = await startRig(path);
    expect(rig.set.endpoints()).toEqual([`unix:${path}`]);
    // Nothing else is left beside it.
    expect([readdirSync(folder.path), modeOf(path)]).toEqual([['alice.sock'], 0o660]);
    const { socket, reader } = await connectTo(path);
    socket.end('hello');
    await reader.untilEnd('fin');
    expect([reader.text, reader.end]).toEqual(['hello', 'fin']);
    expect(rig.seen.of('opened')[0]?.status).toMatchObject({ client: 'unix', listener: `unix:${path}` });
    await rig.set.close();
    expect(readdirSync(folder.path)).toEqual([]);
  });

  it('a sleeper -> bytes are held, and delivered in order after the wake', async () => {
    const path = makeFolder().file('alice.sock');
    const { rig } = await startRig(path, {}, { initiallyHeld: true });
    const { socket, reader } = await connectTo(path);
    socket.write('one ');
    await comesTrue(() => expect(rig.set.heldBytes().heldBytes).toBe(4));
    socket.write('two');
    rig.set.release(null);
    await reader.until(7);
    expect(reader.text).toBe('one two');
  });

  it('a file whose program was killed -> taken over, with the mode that is asked for', async () => {
    const path = makeFolder().file('alice.sock');
    await leaveStale(path);
    const { rig } = await startRig(path, { socketMode: 0o600 });
    expect(modeOf(path)).toBe(0o600);
    const { socket, reader } = await connectTo(path);
    socket.write('x');
    await reader.until(1);
    // As after a reload.
    const listener = { ...rigListener(rig), socketMode: 0o666 };
    expect(await rig.set.update({ ...CHANGE, listeners: [listener] })).toEqual([]);
    expect(modeOf(path)).toBe(0o666);
    socket.write('y');
    await reader.until(2);
  });

  it.each([
    ['somebody listens there', 'another program listens there', listenAt],
    ['a file stands there', 'something stands there that is no socket', (path: string) => writeFileSync(path, 'mine')],
    ['a folder stands there', 'something stands there that is no socket', (path: string) => mkdirSync(path)],
  ])('%s -> ERR_STREAM_LISTEN that says so, and it stays', async (_, words, prepare) => {
    const path = makeFolder().file('alice.sock');
    await prepare(path);
    const { ino } = lstatSync(path);
    await expect(startRig(path)).rejects.toMatchObject({
      code: 'ERR_STREAM_LISTEN',
      message: expect.stringMatching(new RegExp(`unix:${path} for the VM alice .*${words}`)),
    });
    expect(lstatSync(path).ino).toBe(ino);
  });

  it('no such folder -> ERR_STREAM_LISTEN that names it', async () => {
    const path = makeFolder().file('nowhere/alice.sock');
    await expect(startRig(path)).rejects.toMatchObject({ message: expect.stringContaining('there is no folder') });
  });

  it('somebody else has taken the path meanwhile -> closing leaves it to them', async () => {
    const path = makeFolder().file('alice.sock');
    const { rig: first } = await startRig(path);
    first.set.leaveFiles();
    await first.set.close();
    expect(lstatSync(path).isSocket()).toBe(true);
    // Nobody listens: taken over.
    const { rig: second } = await startRig(path);
    await second.set.close();
    expect(() => lstatSync(path)).toThrow('ENOENT');
  });

  it('a listener that a change takes away, and brings back -> its file goes, and comes; its stream stays', async () => {
    const folder = makeFolder();
    const path = folder.file('alice.sock');
    const { rig } = await startRig(path);
    const { socket, reader } = await connectTo(path);
    const listener = rigListener(rig);
    socket.write('a');
    await reader.until(1);
    await rig.set.update({ ...CHANGE, listeners: [] });
    expect(readdirSync(folder.path)).toEqual([]);
    expect(await rig.set.update({ ...CHANGE, listeners: [listener] })).toEqual([]);
    const again = await connectTo(path);
    again.socket.write('b');
    socket.write('c');
    await Promise.all([again.reader.until(1), reader.until(2)]);
  });

  it('all clients of a socket -> one source', async () => {
    const path = makeFolder().file('alice.sock');
    const { rig } = await startRig(path, { maxStreams: 10, maxPerSource: 2 });
    for (let client = 0; client < 2; client += 1) {
      const { socket, reader } = await connectTo(path);
      socket.write('x');
      await reader.until(1);
    }
    const { reader } = await connectTo(path);
    await reader.untilEnd('rst');
    expect(rig.set.refusedClients()).toEqual({ 'per-source': 1 });
    expect(rig.log.lines.map(({ message }) => message).join()).toContain(`2 streams of unix:${path} are open`);
  });

  it('cut by Torpor -> the client’s connection ends', async () => {
    const path = makeFolder().file('alice.sock');
    const { rig } = await startRig(path, {}, { initiallyHeld: true });
    const { socket, reader } = await connectTo(path);
    socket.write('held');
    await comesTrue(() => expect(rig.set.heldBytes().heldBytes).toBe(4));
    rig.set.giveUp(null, 'it does not wake');
    await reader.untilEnd('rst');
    expect(rig.seen.of('closed').map(({ why }) => why)).toEqual([expect.stringContaining('it does not wake')]);
  });
});

describe('a target that is a Unix socket', () => {
  it('bytes both ways; named in the table; a probe is answered while somebody listens there', async () => {
    const folder = makeFolder();
    const path = folder.file('vm.sock');
    const probe = new TcpProbe(systemClock, at(path), 5000);
    expect(probe.name).toBe(`tcp unix:${path}`);
    expect(await probe.ask(new AbortController().signal)).toBe(false);
    await listenAt(path, (socket) => socket.pipe(socket));
    expect(await probe.ask(new AbortController().signal)).toBe(true);
    const { rig } = await startRig(folder.file('alice.sock'), { target: at(path) });
    const { socket, reader } = await connectTo(folder.file('alice.sock'));
    socket.write('x'.repeat(300_000));
    await reader.until(300_000);
    expect(rig.set.streams()[0]?.target).toBe(`unix:${path}`);
    socket.end();
    await reader.untilEnd('fin');
    await eventually('a drain', async () => (await rig.set.drain(5000, new AbortController().signal)).drained);
  });

  it('nothing there -> the stream ends, and says what to do', async () => {
    const folder = makeFolder();
    const { rig } = await startRig(folder.file('alice.sock'), { target: at(folder.file('none.sock')) });
    const { reader } = await connectTo(folder.file('alice.sock'));
    await reader.untilEnd('rst');
    expect(rig.seen.of('closed')[0]?.why).toContain('nothing stands at that path');
  });
});

const CHANGE = {
  idleTimeoutMs: 600_000,
  disconnectGraceMs: 5000,
  hold: { perStreamBytes: 1024 * 1024, perPlatformBytes: 64 * 1024 * 1024 },
};

/** The rig's only listener, as it was given. */
function rigListener(rig: StreamRig): ListenerOptions {
  const [endpoint = ''] = rig.set.endpoints();
  const target = { host: '127.0.0.1', port: rig.target };
  return {
    listen: { host: endpoint, port: 0 },
    target,
    vm: 'alice',
    protocol: 'raw',
    device: 'desktop',
    wakeOn: 'connect',
    maxStreams: null,
  };
}
