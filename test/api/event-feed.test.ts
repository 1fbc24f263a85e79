// Server-sent events over real sockets: order, resuming, gaps, slow readers, the end.
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAX_EVENT_FEEDS } from '../../src/api/routes.ts';
import { type ApiServer, startApi } from '../../src/api/start-api.ts';
import { eventually } from '../support/eventually.ts';
import { KeptLog } from '../support/kept-log.ts';
import { FakeFarm } from './fakes/fake-farm.ts';

let farm: FakeFarm;
let log: KeptLog;
let api: ApiServer;
let readers: RawReader[];

/** A client that speaks HTTP by hand, so that the test sees the very text and decides when to read. */
class RawReader {
  readonly socket: Socket;
  text = '';
  closed = false;

  constructor(url: string, headers: readonly string[] = [], path = '/api/v1/events') {
    const { hostname, port, host } = new URL(url);
    this.socket = connect({ host: hostname, port: Number(port) });
    this.socket.setEncoding('utf8');
    this.socket.on('data', (text: string) => {
      this.text += text;
    });
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.closed = true;
    });
    this.socket.write([`GET ${path} HTTP/1.1`, `Host: ${host}`, ...headers, '', ''].join('\r\n'));
    readers.push(this);
  }

  /** The messages of events whose text is complete. */
  get messages(): string[] {
    return [...this.text.matchAll(/^data: (\{"id":.*\})\r?$/gm)].map((match) => JSON.parse(match[1] as string).message);
  }
}

async function startWith(heartbeatMs: number): Promise<void> {
  api = await startApi(farm, { listen: { host: '127.0.0.1', port: 0 }, log, version: '0', heartbeatMs });
}

beforeEach(async () => {
  farm = new FakeFarm();
  log = new KeptLog();
  readers = [];
  await startWith(60_000);
});

afterEach(async () => {
  for (const reader of readers) reader.socket.destroy();
  await api.close();
});

function started(reader: RawReader): Promise<true> {
  return eventually('the head of the stream', () => reader.text.includes('retry: ') || null);
}

describe('event stream', () => {
  it('a new reader without an id -> only what happens from now on, each with id and data', async () => {
    farm.emit('before');
    const reader = new RawReader(api.url);
    await started(reader);
    farm.emit('after');
    await eventually('the event', () => reader.messages.length === 1);
    expect(reader.text).toMatch(/HTTP\/1\.1 200 OK/);
    expect(reader.text).toMatch(/content-type: text\/event-stream/i);
    expect(reader.text).toContain('id: 2\ndata: {"id":2,');
    expect(reader.messages).toEqual(['after']);
  });

  it('Last-Event-ID -> what came after it, then what happens, without a hole or a repetition', async () => {
    for (const message of ['one', 'two', 'three']) farm.emit(message);
    const reader = new RawReader(api.url, ['Last-Event-ID: 1']);
    await started(reader);
    farm.emit('four');
    await eventually('all events', () => reader.messages.length >= 3);
    expect(reader.messages).toEqual(['two', 'three', 'four']);
    expect(reader.text).not.toContain('event: gap');
  });

  it('an id whose successors were dropped -> a gap is told', async () => {
    farm.keptEvents = 2;
    for (const message of ['one', 'two', 'three', 'four']) farm.emit(message);
    const reader = new RawReader(api.url, ['Last-Event-ID: 1']);
    await eventually('the events', () => reader.messages.length === 2);
    expect(reader.text).toContain('event: gap\ndata: {"afterId":1,"oldestId":3}');
    expect(reader.messages).toEqual(['three', 'four']);
  });

  it('an id of a Torpor that ran before -> a gap, then everything kept', async () => {
    farm.emit('one');
    const reader = new RawReader(api.url, ['Last-Event-ID: 500']);
    await eventually('the events', () => reader.messages.length === 1);
    expect(reader.text).toContain('event: gap\ndata: {"afterId":500,"oldestId":1}');
  });

  it('?after= -> as Last-Event-ID, for readers that cannot set headers', async () => {
    for (const message of ['one', 'two']) farm.emit(message);
    const reader = new RawReader(api.url, [], '/api/v1/events?after=1');
    await eventually('the event', () => reader.messages.length === 1);
    expect(reader.messages).toEqual(['two']);
  });

  it('a message with line breaks -> still one data line', async () => {
    const reader = new RawReader(api.url);
    await started(reader);
    farm.emit('two\nlines\r\nand a third');
    await eventually('the event', () => reader.messages.length === 1);
    expect(reader.messages).toEqual(['two\nlines\r\nand a third']);
  });

  it('a burst of 5000 events in one turn -> all arrive once, in order', async () => {
    const reader = new RawReader(api.url);
    await started(reader);
    for (let index = 0; index < 5000; index += 1) farm.emit(`event ${index}`);
    await eventually('all events', () => reader.messages.length === 5000);
    expect(reader.messages).toEqual(Array.from({ length: 5000 }, (_, index) => `event ${index}`));
    expect(reader.text).not.toContain('event: gap');
  });

  it('a reader that leaves -> forgotten', async () => {
    const reader = new RawReader(api.url);
    await started(reader);
    expect(farm.listenerCount).toBe(1);
    reader.socket.destroy();
    await eventually('the subscription to end', () => farm.listenerCount === 0);
  });

  it(`${MAX_EVENT_FEEDS} readers -> one more is answered 503, and a freed place is given again`, async () => {
    const full = Array.from({ length: MAX_EVENT_FEEDS }, () => new RawReader(api.url));
    for (const reader of full) await started(reader);
    const refused = await fetch(`${api.url}/api/v1/events`);
    expect(refused.status).toBe(503);
    expect(((await refused.json()) as { code: string }).code).toBe('ERR_API_REQUEST');
    full[0]?.socket.destroy();
    await eventually('a free place', () => farm.listenerCount === MAX_EVENT_FEEDS - 1);
    await started(new RawReader(api.url));
  });

  it('the API closes -> streams end cleanly and at once', async () => {
    const reader = new RawReader(api.url);
    await started(reader);
    await api.close();
    await eventually('the end', () => reader.closed);
    // The last chunk: one that is closed at the end of the grace does not get it.
    expect(reader.text.endsWith('0\r\n\r\n')).toBe(true);
    expect(farm.listenerCount).toBe(0);
  });
});

describe('event stream, quiet or slow', () => {
  it('nothing happens -> comments keep it alive', async () => {
    await api.close();
    await startWith(20);
    const reader = new RawReader(api.url);
    await eventually('two heartbeats', () => reader.text.split(': still here\n\n').length > 2);
  });

  it('a reader that takes nothing -> cut off after three heartbeats, told in the log, others unharmed', async () => {
    await api.close();
    await startWith(1000);
    const slow = new RawReader(api.url);
    const quick = new RawReader(api.url);
    await started(slow);
    await started(quick);
    slow.socket.pause();
    const filler = 'x'.repeat(200_000);
    // More than the kernel keeps for a loopback connection, in both directions of its buffers.
    for (let index = 0; index < 120; index += 1) {
      farm.emit('big', 'note', { filler });
      await new Promise(setImmediate);
    }
    await eventually('the slow reader to be cut off', () =>
      log.lines.some(({ message }) => message.includes('cut off')),
    );
    expect(farm.listenerCount).toBe(1);
    farm.emit('last');
    await eventually('the quick reader to have all', () => quick.messages.at(-1) === 'last');
    expect(quick.messages).toHaveLength(121);
  });
});
