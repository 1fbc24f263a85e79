// Jobs for a sleeping printer over real sockets and a real folder: safe before their client is told so, delivered once, in order, in one wake.
import { readdirSync, rmSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ListenerOptions } from '../../../src/streams/listener.ts';
import type { SocketKey } from '../../../src/streams/proc-net-tcp.ts';
import { SCAN_MS, type Spool } from '../../../src/streams/spool/spool.ts';
import { realDisk } from '../../../src/streams/spool/spool-disk.ts';
import { RETRY_MS } from '../../../src/streams/spool/spool-queue.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { TempFolder } from '../../support/temp-folder.ts';
import { noise, SocketReader } from '../support/socket-reader.ts';
import { type RigOptions, StreamRig, VmServer } from '../support/stream-rig.ts';

const HOUR_MS = 3_600_000;
const DEFER = { forMs: 4 * HOUR_MS, maxJobBytes: 1_000_000, maxJobs: 10, maxTotalBytes: 4_000_000 };

const CHANGE = {
  idleTimeoutMs: 600_000,
  disconnectGraceMs: 5_000,
  hold: { perStreamBytes: 1024 * 1024, perPlatformBytes: 64 * 1024 * 1024 },
};

const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A printer: takes a job until its FIN, then closes. */
class Printer {
  readonly jobs: Buffer[] = [];
  openAtOnce = 0;
  #open = 0;
  /** Resets each connection at its first bytes, and acknowledges none. */
  isBroken = false;
  onTaken = () => {};

  readonly onSocket = (socket: Socket) => {
    const chunks: Buffer[] = [];
    this.#open += 1;
    this.openAtOnce = Math.max(this.openAtOnce, this.#open);
    socket.on('close', () => {
      this.#open -= 1;
    });
    socket.on('data', (chunk: Buffer) => {
      if (this.isBroken) socket.resetAndDestroy();
      else chunks.push(chunk);
    });
    socket.on('end', () => {
      this.jobs.push(Buffer.concat(chunks));
      this.onTaken();
      socket.end();
    });
  };

  /** In the place of the kernel's table of send queues. */
  readonly readUnacked = async () => {
    const all = { has: () => this.isBroken, get: () => (this.isBroken ? 1 : undefined), size: this.isBroken ? 1 : 0 };
    return all as unknown as ReadonlyMap<SocketKey, number>;
  };

  get texts(): string[] {
    return this.jobs.map(String);
  }
}

interface StartOptions extends RigOptions {
  readonly defer?: Partial<typeof DEFER>;
  readonly folder?: TempFolder;
  /** Of the one listener, beyond what makes it a printer's. */
  readonly listener?: Partial<ListenerOptions>;
}

async function start(options: StartOptions = {}) {
  const { defer, folder = new TempFolder('spool'), listener: more, ...rest } = options;
  closers.push(() => folder.remove());
  const printer = new Printer();
  const vm = await VmServer.start(printer.onSocket);
  closers.push(() => vm.close());
  const listener: Partial<ListenerOptions> = {
    device: 'printer',
    wakeOn: 'input',
    activity: 'learned',
    defer: { ...DEFER, ...defer },
    target: { host: '127.0.0.1', port: vm.port },
    ...more,
  };
  const rig = await StreamRig.start({
    initiallyHeld: true,
    listeners: [listener],
    spoolFolder: folder.path,
    readUnacked: printer.readUnacked,
    ...rest,
  });
  closers.push(() => rig.close());
  return { rig, printer, vm, folder };
}

/** Sends a job as netcat does, and resolves when the connection was ended towards it. */
async function print(rig: StreamRig, bytes: Buffer | string, listener = 0): Promise<void> {
  const client = await rig.connect(listener);
  const reader = new SocketReader(client);
  client.end(bytes);
  await reader.untilEnd('fin');
}

function filesIn(folder: TempFolder): string[] {
  return readdirSync(folder.path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name, parentPath }) => join(parentPath, name));
}

describe('Spool', () => {
  it('a job by a Unix socket -> its client has the name of all such, and counts against the bound of one source', async () => {
    const path = new TempFolder('spool-unix');
    closers.push(() => path.remove());
    const socketPath = path.file('paper.sock');
    const { rig } = await start({ listener: { listen: { host: `unix:${socketPath}`, port: 0 }, maxPerSource: 1 } });
    const first = connect(socketPath);
    closers.push(() => first.destroy());
    first.write('first');
    await eventually('the first client', () => rig.set.streams().length === 1);
    const second = connect(socketPath).on('error', () => {});
    closers.push(() => second.destroy());
    await eventually('the second to be refused', () => rig.set.refusedClients()['per-source'] === 1);
    expect(rig.set.streams().map(({ client }) => client)).toEqual(['unix']);
    first.end();
    await eventually('the job', () => rig.set.spool?.jobs().length === 1);
    expect(rig.set.spool?.jobs()).toMatchObject([{ client: 'unix' }]);
  });

  it('a job for a sleeper: -> is a private file when its client is told so, wakes nobody, and is printed after the wake', async () => {
    const { rig, printer, folder } = await start();
    await print(rig, 'first page');
    const [file = ''] = filesIn(folder);
    expect([file.endsWith('.job'), statSync(file).mode & 0o777]).toEqual([true, 0o600]);
    expect(rig.seen.told).toEqual(['opened', expect.stringMatching(/^closed: its job is safe in the spool/)]);
    expect(rig.set.spool?.jobs()).toMatchObject([{ state: 'waiting', contentBytes: 10, failures: 0, problem: null }]);
    expect([rig.set.waitingVms(), printer.jobs]).toEqual([[], []]);
    rig.set.release(null);
    await eventually('the job at the printer', () => printer.jobs.length === 1);
    await eventually('an empty spool', () => filesIn(folder).length === 0);
    expect(printer.texts).toEqual(['first page']);
    await eventually('the end of the delivery', () => rig.seen.of('closed').length === 2);
    expect(rig.seen.told.slice(2)).toEqual([
      'opened',
      'active: delivers 1 spooled job',
      'delivered: 10',
      'idle: 1 spooled job delivered (10 B)',
      'closed: 1 spooled job delivered (10 B): nothing is left',
    ]);
  });

  it('several jobs: -> one at a time, in the order in which they became safe, in one stay in the pool', async () => {
    const { rig, printer } = await start();
    const jobs = ['one', noise(300_000, 2), 'three', noise(70_000, 4)];
    for (const job of jobs) await print(rig, job);
    rig.set.release(null);
    await eventually('all jobs', () => printer.jobs.length === 4);
    expect(printer.jobs.map((job, at) => job.equals(Buffer.from(jobs[at] as Buffer)))).toEqual([
      true,
      true,
      true,
      true,
    ]);
    expect(printer.openAtOnce).toBe(1);
    await eventually('the end of the delivery', () => rig.seen.of('idle').length === 1);
    expect(rig.seen.of('active')).toHaveLength(1);
  });

  it('a platform that runs and an empty spool: a job -> goes straight to the printer', async () => {
    const { rig, printer, folder } = await start({ initiallyHeld: false });
    await print(rig, 'direct');
    expect([printer.texts, filesIn(folder)]).toEqual([['direct'], []]);
    expect(rig.seen.told).toContain('active: client bytes');
  });

  it('a client that resets in the middle: its job -> is dropped, and nothing is printed', async () => {
    const { rig, printer, folder } = await start();
    const client = await rig.connect();
    client.write(noise(200_000, 1));
    await eventually('the bytes', () => rig.set.streams()[0]?.bytesFromClient === 200_000);
    client.resetAndDestroy();
    await eventually('the drop', () => rig.seen.of('closed').length === 1);
    await eventually('no file', () => filesIn(folder).length === 0);
    rig.set.release(null);
    await print(rig, 'next');
    expect(printer.texts).toEqual(['next']);
  });

  it('the deadline: all jobs of the platform -> one wake, whose reason says so', async () => {
    const clock = new FakeClock();
    const { rig } = await start({ clock });
    await print(rig, 'one');
    await clock.advance(HOUR_MS);
    await print(rig, 'two');
    await clock.advance(3 * HOUR_MS - 1);
    expect(rig.seen.of('held-activity')).toEqual([]);
    await clock.advance(1);
    expect(rig.seen.of('held-activity').map(({ why }) => why)).toEqual(['2 spooled jobs, the first due after 4h']);
    expect(rig.set.waitingVms()).toEqual(['alice']);
  });

  it('a job larger than allowed: -> wakes as a stream that cannot wait, and arrives whole, its client told only then', async () => {
    const { rig, printer, folder } = await start({ defer: { maxJobBytes: 100_000 } });
    const bytes = noise(600_000, 7);
    await print(rig, 'before it');
    const client = await rig.connect();
    const reader = new SocketReader(client);
    client.end(bytes);
    await eventually('the wake', () => rig.seen.of('held-activity').length === 1);
    expect(rig.seen.of('held-activity')[0]?.why).toBe('cannot be spooled: its job is larger than 98 KiB (maxJobSize)');
    expect([reader.end, printer.jobs]).toEqual(['none', []]);
    rig.set.release(null);
    await reader.untilEnd('fin');
    expect([printer.texts[0], printer.jobs[1]?.equals(bytes)]).toEqual(['before it', true]);
    await eventually('no file', () => filesIn(folder).length === 0);
  });

  it('a full spool: the next client -> waits and wakes, and its job comes after those before it', async () => {
    const { rig, printer } = await start({ defer: { maxJobs: 1 } });
    await print(rig, 'one');
    const client = await rig.connect();
    const reader = new SocketReader(client);
    client.end('two');
    await eventually('the wake', () => rig.seen.of('held-activity').length === 1);
    rig.set.release(null);
    await reader.untilEnd('fin');
    expect(printer.texts).toEqual(['one', 'two']);
  });

  it('a printer that fails in the middle: the job -> stays, is counted, and is tried again after a pause', async () => {
    const clock = new FakeClock();
    const { rig, printer, folder } = await start({ clock });
    printer.isBroken = true;
    await print(rig, 'again');
    rig.set.release(null);
    await eventually('the failure', () => rig.set.spool?.jobs()[0]?.failures === 1);
    expect(filesIn(folder)).toHaveLength(1);
    await eventually('the end of the try', () => rig.seen.of('closed').length === 2);
    printer.isBroken = false;
    await clock.advance(RETRY_MS - 1);
    expect(printer.jobs).toEqual([]);
    await eventually('the job at the printer', async () => {
      await clock.advance(50);
      return printer.jobs.length === 1;
    });
    expect(printer.texts).toEqual(['again']);
  });

  it('jobs that are still to go: a new client of a platform that runs -> does not get ahead of them', async () => {
    const clock = new FakeClock();
    const { rig, printer } = await start({ clock });
    printer.isBroken = true;
    await print(rig, 'first');
    rig.set.release(null);
    await eventually('the failure', () => rig.set.spool?.jobs()[0]?.failures === 1);
    await print(rig, 'second');
    expect(printer.jobs).toEqual([]);
    printer.isBroken = false;
    await eventually('the end of the try', () => rig.seen.of('idle').length === 1);
    await clock.advance(RETRY_MS);
    await eventually('both jobs', async () => {
      await clock.advance(50);
      return printer.jobs.length === 2;
    });
    expect(printer.texts).toEqual(['first', 'second']);
  });

  it('a restart: what was safe -> is delivered by the next Torpor', async () => {
    const folder = new TempFolder('spool');
    const before = await start({ folder });
    await print(before.rig, 'survives');
    await before.rig.close();
    const { rig, printer } = await start({ folder });
    expect(rig.set.spool?.jobs()).toMatchObject([{ contentBytes: 8 }]);
    rig.set.release(null);
    await eventually('the job at the printer', () => printer.jobs.length === 1);
    expect(printer.texts).toEqual(['survives']);
  });

  it('a restart without defer: its jobs -> are listed, told of in the log, and delivered by a wake at once', async () => {
    const folder = new TempFolder('spool');
    const before = await start({ folder });
    await print(before.rig, 'deferred once');
    await before.rig.close();
    const clock = new FakeClock(Date.now());
    const { rig, printer } = await start({ folder, clock, listener: { defer: null } });
    expect(rig.set.spool?.jobs()).toMatchObject([{ contentBytes: 13, state: 'waiting' }]);
    const warned = rig.log.lines.filter(({ level }) => level === 'warn').map(({ message }) => message);
    expect(warned).toEqual([expect.stringMatching(/^1 spooled job waits at .* though that defers nothing any more/)]);
    await eventually('the wake', async () => {
      await clock.advance(1000);
      return rig.seen.of('held-activity').length > 0;
    });
    rig.set.release(null);
    await eventually('the job at the printer', async () => {
      await clock.advance(50);
      return printer.jobs.length === 1;
    });
    expect(printer.texts).toEqual(['deferred once']);
  });

  it('a listener that comes and goes by reloads: its former queues -> are kept until their last client is gone, and no longer', async () => {
    const { rig, folder } = await start();
    const spool = rig.set.spool as Spool;
    const [options] = rig.listeners;
    const client = await rig.connect();
    client.write('half a job');
    await eventually('the bytes', () => rig.set.streams()[0]?.bytesFromClient === 10);
    for (let reload = 0; reload < 5; reload += 1) {
      await rig.set.update({ ...CHANGE, listeners: [] });
      await rig.set.update({ ...CHANGE, listeners: [options as ListenerOptions] });
    }
    expect([spool.queues, rig.set.streams().length]).toEqual([2, 1]);
    client.end(', and the rest');
    await eventually('the job', () => filesIn(folder).some((name) => name.endsWith('.job')));
    await eventually('the end of the former queue', () => spool.queues === 1);
    expect(rig.set.streams()).toEqual([]);
    expect(await spool.drop('none')).toBe(false);
  });

  it('a listener that goes and comes by reloads while a job is half on disk -> that goes on, and its client is told that it is safe', async () => {
    const { rig, folder, printer } = await start();
    const [options] = rig.listeners;
    const client = await rig.connect();
    const reader = new SocketReader(client);
    const job = noise(300_000, 7);
    client.write(job.subarray(0, 200_000));
    await eventually('a part on disk', () => filesIn(folder).some((name) => name.endsWith('.part')));
    await rig.set.update({ ...CHANGE, listeners: [] });
    await rig.set.update({ ...CHANGE, listeners: [options as ListenerOptions] });
    client.end(job.subarray(200_000));
    await reader.untilEnd('fin');
    expect(filesIn(folder).map((name) => name.slice(-4))).toEqual(['.job']);
    await rig.set.update({ ...CHANGE, listeners: [] });
    await rig.set.update({ ...CHANGE, listeners: [options as ListenerOptions] });
    rig.set.release(null);
    await eventually('the job at the printer', () => printer.jobs.length === 1);
    expect(printer.jobs[0]?.equals(job)).toBe(true);
  });

  it('a client that waits because the spool is full, and one that reaches a bound later: their listener is closed -> both are reset, for nobody delivers', async () => {
    const { rig } = await start({ defer: { maxJobs: 2, maxJobBytes: 1000 } });
    const [first, second] = [await rig.connect(), await rig.connect()];
    const readers = [first, second].map((client) => new SocketReader(client));
    first.write(noise(2000, 3));
    await eventually('the first to wait', () => rig.seen.of('held-activity').length === 1);
    second.write('half a job');
    await eventually('the bytes', () => rig.set.streams()[1]?.bytesFromClient === 10);
    await rig.set.update({ ...CHANGE, listeners: [] });
    await readers[0]?.untilEnd('rst');
    second.write(noise(2000, 3));
    await readers[1]?.untilEnd('rst');
    await eventually('the end of the queue', () => (rig.set.spool as Spool).queues === 0);
    expect(rig.seen.of('held-activity')).toHaveLength(1);
  });

  it('a listener that is closed while its spool waits for the wake it asked for -> nothing of it stays among the streams', async () => {
    const clock = new FakeClock();
    const { rig, folder } = await start({ clock });
    const spool = rig.set.spool as Spool;
    await print(rig, 'a page');
    await clock.advance(DEFER.forMs);
    expect([rig.seen.of('held-activity').length, rig.set.streams().length]).toEqual([1, 1]);
    await rig.set.update({ ...CHANGE, listeners: [] });
    expect([rig.set.streams(), spool.queues]).toEqual([[], 0]);
    rig.set.release(null);
    expect(rig.seen.of('opened').length).toBe(rig.seen.of('closed').length);
    expect(filesIn(folder)).toHaveLength(1);
  });

  it('a restart without the listener: its jobs -> stay, and a warning says where', async () => {
    const folder = new TempFolder('spool');
    const before = await start({ folder });
    await print(before.rig, 'for a printer that is gone');
    await before.rig.close();
    const { rig } = await start({ folder, listener: { vm: 'another' } });
    const left = filesIn(folder);
    expect([rig.set.spool?.jobs(), left.length]).toEqual([[], 1]);
    const warned = rig.log.lines.filter(({ level }) => level === 'warn').map(({ message }) => message);
    expect(warned).toEqual([
      expect.stringMatching(
        /^1 spooled job lies in .*alice-127\.0\.0\.1-0 and waits for a listener that is not configured/,
      ),
    ]);
  });

  it('a look at the folder while a job becomes safe: the job -> is there once, and is printed once', async () => {
    const clock = new FakeClock();
    const { rig, printer } = await start({ clock });
    const { syncFolder } = realDisk;
    const looks = vi.spyOn(realDisk, 'list');
    vi.spyOn(realDisk, 'syncFolder').mockImplementationOnce(async (folder) => {
      // The second one begins when the first is over.
      await eventually('two looks', async () => {
        await clock.advance(SCAN_MS);
        return looks.mock.calls.length >= 2;
      });
      await syncFolder(folder);
    });
    closers.push(() => vi.restoreAllMocks());
    looks.mockClear();
    await print(rig, 'once');
    await eventually('the job to be safe', () => rig.seen.of('closed').length === 1);
    expect(rig.set.spool?.jobs()).toHaveLength(1);
    rig.set.release(null);
    await eventually('the job at the printer', () => printer.jobs.length === 1);
    await eventually('an empty spool', () => rig.set.spool?.jobs().length === 0);
    expect(printer.texts).toEqual(['once']);
  });

  it('a file that another has taken, or somebody removed: its job -> is forgotten, and those behind it are printed', async () => {
    const { rig, printer, folder } = await start();
    await print(rig, 'taken');
    const [file = ''] = filesIn(folder);
    await print(rig, 'left');
    rmSync(file);
    rig.set.release(null);
    await eventually('an empty spool', () => rig.set.spool?.jobs().length === 0);
    expect(printer.texts).toEqual(['left']);
    expect(rig.log.lines.map((line) => JSON.stringify(line)).join()).toMatch(/its file is gone/);
  });

  it('a file that is gone when its job has arrived: -> has been delivered, and the next job does not wait', async () => {
    const clock = new FakeClock();
    const { rig, printer, folder } = await start({ clock });
    await print(rig, 'taken');
    await print(rig, 'next');
    const [file = ''] = filesIn(folder);
    printer.onTaken = () => rmSync(file, { force: true });
    rig.set.release(null);
    await eventually('both jobs', () => printer.jobs.length === 2);
    expect(printer.texts).toEqual(['taken', 'next']);
  });

  it('orders: deliver -> wakes at once; drop -> forgets one job, and knows no other', async () => {
    const { rig, printer } = await start();
    await print(rig, 'unwanted');
    await print(rig, 'wanted');
    const [first] = rig.set.spool?.jobs() ?? [];
    expect([await rig.set.spool?.drop(first?.id ?? ''), await rig.set.spool?.drop('000000000009-00000000')]).toEqual([
      true,
      false,
    ]);
    rig.set.spool?.deliver('asked to');
    expect(rig.seen.of('held-activity').map(({ why }) => why)).toEqual(['asked to']);
    rig.set.release(null);
    await eventually('the job at the printer', () => printer.jobs.length === 1);
    expect(printer.texts).toEqual(['wanted']);
  });

  it('a connection without a byte: -> is ended, and leaves neither a file nor an event', async () => {
    const { rig, folder } = await start();
    await print(rig, '');
    expect([filesIn(folder), rig.seen.told]).toEqual([[], []]);
  });
});
