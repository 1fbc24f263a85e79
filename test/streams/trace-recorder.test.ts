// Recording live streams: bounds and modes of the files, and that a recorded stream is judged as it was live.
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadCore } from '../../src/core/stream-core.ts';
import type { Protocol } from '../../src/platform/ports.ts';
import { type StreamTrace, TraceRecorder } from '../../src/streams/trace-recorder.ts';
import { replayTraces } from '../../src/streams/trace-replay.ts';
import { eventually } from '../support/eventually.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { KeptLog } from '../support/kept-log.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { SocketReader } from './support/socket-reader.ts';
import { StreamRig, VmServer } from './support/stream-rig.ts';

const SUBJECT = { stream: 'vdi-01-1', vm: 'alice', listenPort: 10_022, targetPort: 22 };
const KIB = 1024;

let folder: TempFolder;
let log: KeptLog;
let clock: FakeClock;
beforeEach(() => {
  folder = new TempFolder('traces');
  log = new KeptLog();
  clock = new FakeClock();
});

const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  folder.remove();
});

function openRecorder(maxFiles = 10, maxFileBytes = 64 * KIB): Promise<TraceRecorder> {
  return TraceRecorder.open({ folder: folder.file('in/here'), maxFiles, maxFileBytes, clock, log });
}

function files(): string[] {
  return readdirSync(folder.file('in/here')).sort();
}

describe('TraceRecorder', () => {
  it('a stream -> a file for its owner only, in a folder for its owner only, named after both', async () => {
    const recorder = await openRecorder();
    const trace = recorder.begin(SUBJECT) as StreamTrace;
    trace.note('client', Buffer.from('k'));
    await trace.end('client');
    expect(files()).toEqual([`${new Date(clock.nowMs()).toISOString().replaceAll(':', '-')}_vdi-01-1_alice.jsonl`]);
    expect([statSync(trace.path).mode & 0o777, statSync(folder.file('in/here')).mode & 0o777]).toEqual([0o600, 0o700]);
    expect(readFileSync(trace.path, 'utf8').split('\n')).toEqual([
      `{"meta":1,"wall":${clock.nowMs()},"listen":10022,"target":22}`,
      '{"t_ms":0,"dir":"c2s","n":1,"head_hex":"6b"}',
      '{"t_ms":0,"end":"c"}',
      '',
    ]);
  });

  it('as many files as may be, those there before included -> no more, told once, and none is removed', async () => {
    await openRecorder();
    writeFileSync(folder.file('in/here/kept.jsonl'), 'mine');
    const recorder = await openRecorder(3);
    const subjects = [1, 2, 3, 4].map((index) => ({ ...SUBJECT, stream: `vdi-01-${index}` }));
    const traces = subjects.map((subject) => recorder.begin(subject));
    expect(traces.map((trace) => trace !== null)).toEqual([true, true, false, false]);
    await recorder.close();
    expect(files()).toHaveLength(3);
    expect(log.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });

  it('as many files as may be, then some are moved away -> recorded again, without a restart', async () => {
    const recorder = await openRecorder(1);
    const first = recorder.begin(SUBJECT) as StreamTrace;
    await first.end('client');
    expect(recorder.begin({ ...SUBJECT, stream: 'vdi-01-2' })).toBeNull();
    rmSync(first.path);
    await clock.advance(10_000);
    const third = await eventually('room', () => recorder.begin({ ...SUBJECT, stream: 'vdi-01-3' }), { everyMs: 5 });
    await third.end('client');
    expect(files()).toHaveLength(1);
  });

  it('a trace at its bound -> ends below it with a whole line, and its stream goes on', async () => {
    const recorder = await openRecorder(10, KIB);
    const trace = recorder.begin(SUBJECT) as StreamTrace;
    for (let index = 0; index < 100; index += 1) trace.note('client', Buffer.from('key'));
    await trace.end('client');
    const text = readFileSync(trace.path, 'utf8');
    expect(text.length).toBeGreaterThan(KIB - 64);
    expect(text.length).toBeLessThanOrEqual(KIB);
    expect(
      text
        .trim()
        .split('\n')
        .every((line) => JSON.parse(line) !== null),
    ).toBe(true);
  });

  it('a file that is there already -> not overwritten; told, and the stream goes on', async () => {
    const recorder = await openRecorder();
    const first = recorder.begin(SUBJECT) as StreamTrace;
    await first.end('client');
    const text = readFileSync(first.path, 'utf8');
    const second = recorder.begin(SUBJECT) as StreamTrace;
    second.note('client', Buffer.from('k'));
    await second.end('client');
    expect(readFileSync(first.path, 'utf8')).toBe(text);
    expect(log.lines.at(-1)).toMatchObject({ level: 'warn', message: expect.stringContaining('EEXIST') });
  });

  it('a folder that cannot be made -> ERR_TRACE_FOLDER that names it', async () => {
    writeFileSync(folder.file('in'), 'a file');
    await expect(openRecorder()).rejects.toMatchObject({
      code: 'ERR_TRACE_FOLDER',
      message: expect.stringContaining(folder.file('in/here')),
    });
  });
});

interface ScriptLine {
  readonly t_ms: number;
  readonly dir: 'c2s' | 's2c';
  readonly n: number;
  readonly head_hex?: string;
  readonly full?: string;
  readonly tls?: readonly number[];
}

/** The reads of a fixture as bytes, as the README, "Traces", has it: known bytes, padded; TLS headers in their places. */
class Script {
  readonly reads: Array<{
    readonly atMs: number;
    readonly direction: 'client' | 'server';
    readonly bytes: Buffer;
    readonly line: ScriptLine;
  }> = [];

  constructor(name: string, mostReads: number) {
    const text = readFileSync(new URL(`fixtures/traces/${name}.jsonl`, import.meta.url), 'utf8');
    const left = { c2s: 0, s2c: 0 };
    for (const raw of text
      .trim()
      .split('\n')
      .slice(1, mostReads + 1)) {
      const line = JSON.parse(raw) as ScriptLine;
      if (line.dir === undefined) continue;
      const bytes = Buffer.alloc(line.n);
      Buffer.from(line.full ?? line.head_hex ?? '', 'hex').copy(bytes);
      let at = Math.min(left[line.dir], line.n);
      left[line.dir] -= at;
      const tls = line.tls ?? [];
      for (let index = 0; index + 1 < tls.length; index += 2) {
        const [type, length] = [tls[index] as number, tls[index + 1] as number];
        // A header that is cut by the read's end is not replayed here: fixtures that hold one are not used.
        expect(at + 5).toBeLessThanOrEqual(line.n);
        Buffer.from([type, 3, 3, length >> 8, length & 0xff]).copy(bytes, at);
        if (type === 22 && at === 0) Buffer.from(line.head_hex ?? '', 'hex').copy(bytes, at);
        left[line.dir] = Math.max(0, at + 5 + length - line.n);
        at = Math.min(line.n, at + 5 + length);
      }
      this.reads.push({
        atMs: Math.round(line.t_ms),
        direction: line.dir === 'c2s' ? 'client' : 'server',
        bytes,
        line,
      });
    }
  }
}

/** Plays a script through a live, recorded stream. Answers its file, and the moments at which the live stream was active. */
async function playLive(script: Script, protocol: Protocol) {
  const recorder = await openRecorder(10, 8 * 1024 * KIB);
  const vm = await VmServer.start();
  const rig = await StreamRig.start({
    target: vm.port,
    clock,
    idleTimeoutMs: 86_400_000,
    recorder,
    listeners: [{ protocol, activity: 'learned', record: true }],
  });
  closers.push(
    () => rig.close(),
    () => vm.close(),
  );
  const client = await rig.connect();
  const server = (await eventually('the VM to accept', () => vm.sockets[0], { everyMs: 1 })) as Socket;
  const readers = { client: new SocketReader(server), server: new SocketReader(client) };
  const activeAtMs: number[] = [];
  const startMs = clock.nowMs();
  const observe = rig.registry.observe.bind(rig.registry);
  vi.spyOn(rig.registry, 'observe').mockImplementation((seat, direction, chunk) => {
    const observation = observe(seat, direction, chunk);
    if (observation.isActive) activeAtMs.push(clock.nowMs() - startMs);
    return observation;
  });
  const sent = { client: 0, server: 0 };
  for (const { atMs, direction, bytes } of script.reads) {
    if (atMs > clock.nowMs() - startMs) await clock.advance(atMs - (clock.nowMs() - startMs));
    (direction === 'client' ? client : server).write(bytes);
    sent[direction] += bytes.length;
    await readers[direction].until(sent[direction]);
  }
  client.resetAndDestroy();
  await eventually('its end', () => rig.seen.of('closed').length === 1);
  await recorder.close();
  const [file] = files();
  return { text: readFileSync(folder.file(`in/here/${file}`), 'utf8'), activeAtMs };
}

describe('a recorded stream, classified', () => {
  const CASES: ReadonlyArray<readonly [string, Protocol, number]> = [
    ['ssh_a_idle_sa5_ca15', 'ssh', 400],
    ['ssh_b_typing_sa5', 'ssh', 400],
    ['rdpsh_b_typing_gfx', 'rdp', 400],
    ['rfb_b_typing_clock', 'rfb', 400],
    ['rfbtls_b_typing_clock', 'auto', 400],
    ['telnet_b_typing_nop10', 'telnet', 300],
    ['ws_b_typing_ping5', 'websocket', 300],
  ];

  it.each(CASES)('%s -> active at the very moments at which the live stream was', async (name, protocol, mostReads) => {
    const script = new Script(name, mostReads);
    const { text, activeAtMs } = await playLive(script, protocol);
    const core = await loadCore({ maxStreams: 2, heapBytes: 256 * KIB });
    const found = replayTraces([{ name, text }], { core, protocol, port: 0 });
    expect(activeAtMs.length).toBeGreaterThan(5);
    expect(found.map(({ t_ms }) => t_ms)).toEqual(activeAtMs);
    // Sizes, directions and records are those that other people's recorder saw.
    const [, ...lines] = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as ScriptLine);
    expect(lines.pop()).toMatchObject({ end: 'c' });
    expect(lines.map(({ dir, n, tls }) => [dir, n, tls])).toEqual(
      script.reads.map(({ line }) => [line.dir, line.n, line.tls]),
    );
  });
});
