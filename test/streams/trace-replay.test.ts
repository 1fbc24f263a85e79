// Carried traces with ground truth, replayed through the data path's own judgement.
import { readdirSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadCore, type StreamCore } from '../../src/core/stream-core.ts';
import { replayTraces, type Trace } from '../../src/streams/trace-replay.ts';

const FOLDER = new URL('fixtures/traces/', import.meta.url);
const FILES = readdirSync(FOLDER);
const SESSIONS = FILES.filter((file) => file.endsWith('.labels.json')).map((file) => file.replace('.labels.json', ''));
/** Sessions whose clients chatter while nobody is there, with what they speak. */
const SPEAKS: Readonly<Record<string, string>> = {
  ssh_a_idle_sa5_ca15: 'ssh',
  ssh_b_typing_sa5: 'ssh',
  ws_b_typing_ping5: 'websocket',
  telnet_b_typing_nop10: 'telnet',
  rfbtls_b_typing_clock: 'rfb-tls',
  rfb_b_typing_clock: 'rfb',
  spice_b_typing_clock: 'spice',
  rdpsh_b_typing_gfx: 'rdp-tls',
};

interface Labels {
  readonly intervals: ReadonlyArray<readonly [number, number, string]>;
  readonly inputs: ReadonlyArray<readonly [number, string]>;
}

let core: StreamCore;

function tracesOf(session: string): Trace[] {
  return FILES.filter((file) => file === `${session}.jsonl` || file.startsWith(`${session}_c`))
    .sort((a, b) => a.length - b.length || (a < b ? -1 : 1))
    .map((name) => ({ name, text: readFileSync(new URL(name, FOLDER), 'utf8') }));
}

function labelsOf(session: string): Labels {
  return JSON.parse(readFileSync(new URL(`${session}.labels.json`, FOLDER), 'utf8')) as Labels;
}

/** Gives a session's connections an idle tail of client chatter again and again, and keys at the given times. */
function parse(text: string): Array<Record<string, unknown>> {
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('carried traces', () => {
  beforeAll(async () => {
    core = await loadCore({ maxStreams: 16, heapBytes: 256 * 1024 });
  });

  it('carried traces: every session -> has its protocol named here', () => {
    expect(Object.keys(SPEAKS).sort()).toEqual([...SESSIONS].sort());
  });

  it.each(SESSIONS)('%s: every input -> seen within a second', (session) => {
    const seen = replayTraces(tracesOf(session), { core }).map((activity) => activity.t_ms);
    const missed = labelsOf(session).inputs.filter(([at]) => !seen.some((t) => t >= at - 2 && t <= at + 1000));
    expect(missed).toEqual([]);
  });

  it.each(SESSIONS)('%s: first bytes -> its protocol', (session) => {
    const spoken = new Set(replayTraces(tracesOf(session), { core }).map((activity) => activity.protocol));
    expect(spoken).toContain(SPEAKS[session]);
  });

  it.each(SESSIONS.filter((session) => !session.startsWith('rfbtls')))(
    '%s: the last minute, nobody there -> nothing counts',
    (session) => {
      const idle = labelsOf(session).intervals.filter(([, , kind]) => kind === 'idle');
      const end = (idle.at(-1) as readonly [number, number, string])[1];
      const start = Math.max((idle.at(-1) as readonly [number, number, string])[0] + 2000, end - 60_000);
      const late = replayTraces(tracesOf(session), { core }).filter(({ t_ms }) => t_ms > start && t_ms < end);
      expect(late).toEqual([]);
    },
  );

  it('idle SSH with keepalives of both sides, tiled to two hours -> nothing counts after the first minutes', () => {
    const [meta, ...reads] = parse((tracesOf('ssh_a_idle_sa5_ca15')[0] as Trace).text);
    const opening = reads.filter((read) => (read.t_ms as number) < 8000);
    // One period of both keepalives: 15 s.
    const cycle = reads.filter((read) => (read.t_ms as number) >= 8000 && (read.t_ms as number) < 23_000);
    const lines = [meta, ...opening];
    for (let tile = 0; tile < 480; tile += 1) {
      for (const read of cycle) lines.push({ ...read, t_ms: (read.t_ms as number) + tile * 15_000 });
    }
    const text = lines.map((line) => JSON.stringify(line)).join('\n');
    const counted = replayTraces([{ name: 'tiled', text }], { core }).filter(({ t_ms }) => t_ms > 120_000);
    expect(counted).toEqual([]);
  });

  it('idle SSH with keepalives, 150 keys spliced in one at a time -> at most 2 missed', () => {
    const lines = (tracesOf('ssh_a_idle_sa5_ca15')[0] as Trace).text.trim().split('\n');
    let missed = 0;
    for (let index = 0; index < 150; index += 1) {
      // A low-discrepancy walk through the learned part of the session.
      const at = 60_000 + ((index * 0.618_034) % 1) * 80_000;
      const key = JSON.stringify({ t_ms: at, dir: 'c2s', n: 36, head_hex: '' });
      const found = replayTraces([{ name: 'spliced', text: [...lines, key].join('\n') }], { core });
      if (!found.some(({ t_ms }) => Math.abs(t_ms - at) <= 1000)) missed += 1;
    }
    expect(missed).toBeLessThanOrEqual(2);
  });

  it.each([
    ['no JSON', 'it is no JSON object'],
    ['{"t_ms":1,"dir":"up","n":1}', 'dir is neither'],
    ['{"dir":"c2s","n":1}', 't_ms is no number'],
    ['{"t_ms":1,"dir":"c2s","n":-1}', 'n is no count'],
    ['{"t_ms":1,"dir":"c2s","n":1,"head_hex":"xy"}', 'no hex'],
  ])('a trace with the line %s -> ERR_TRACE_INVALID with the line number', (line, what) => {
    const text = `{"meta":1,"wall":0}\n${line}\n`;
    expect(() => replayTraces([{ name: 'bad.jsonl', text }], { core })).toThrow(
      expect.objectContaining({ code: 'ERR_TRACE_INVALID', message: expect.stringMatching(/^bad\.jsonl, line 2/) }),
    );
    expect(() => replayTraces([{ name: 'bad.jsonl', text }], { core })).toThrow(what);
  });
});
