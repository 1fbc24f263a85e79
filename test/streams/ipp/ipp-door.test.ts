// IPP clients of a sleeping printer over real sockets and a real folder: answered from what the printer said, told of a job once it is safe.
import { readdirSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { MAX_ASKED } from '../../../src/streams/ipp/ipp-learner.ts';
import { decodeIpp, type IppMessage, numberOf, textsOf } from '../../../src/streams/ipp/ipp-message.ts';
import type { ListenerOptions } from '../../../src/streams/listener.ts';
import { JOB_NUMBER_BASE } from '../../../src/streams/spool/spool-store.ts';
import { eventually } from '../../support/eventually.ts';
import { TempFolder } from '../../support/temp-folder.ts';
import { SocketReader } from '../support/socket-reader.ts';
import { StreamRig } from '../support/stream-rig.ts';
import { IppPrinter, ipp, TRUE, value } from './support/ipp-printer.ts';

const HOUR_MS = 3_600_000;
const DEFER = { as: 'ipp', forMs: 4 * HOUR_MS, maxJobBytes: 100_000, maxJobs: 10, maxTotalBytes: 4_000_000 } as const;
const HOST = 'paper:631';
const URI = value(0x45, 'printer-uri', 'ipp://paper:631/ipp/print');
const USER = value(0x42, 'requesting-user-name', 'ann');
const FORMAT = value(0x49, 'document-format', 'text/plain');
const DESCRIBE = ipp(0x0b, 1, URI);
const PRINT = ipp(0x02, 7, URI, USER, value(0x42, 'job-name', 'letter'), FORMAT);

const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(options: { folder?: TempFolder; printer?: IppPrinter; defer?: object; isAwake?: boolean } = {}) {
  const { folder = new TempFolder('ipp'), isAwake = false } = options;
  closers.push(() => folder.remove());
  const printer = options.printer ?? (await IppPrinter.start());
  closers.push(() => printer.close());
  const listener: Partial<ListenerOptions> = {
    device: 'printer',
    protocol: 'auto',
    wakeOn: 'input',
    defer: { ...DEFER, ...options.defer },
    target: { host: '127.0.0.1', port: printer.port },
  };
  const rig = await StreamRig.start({
    initiallyHeld: !isAwake,
    disconnectGraceMs: 0,
    listeners: [listener],
    spoolFolder: folder.path,
  });
  closers.push(() => rig.close());
  return { rig, printer, folder };
}

/** Its printer has been awake, was asked for, and sleeps again. */
async function startKnown(options: Parameters<typeof start>[0] = {}) {
  const all = await start({ ...options, isAwake: true });
  await send(all.rig, DESCRIBE);
  await eventually('what the printer says to be kept', () => filesIn(all.folder).includes('printers.json'));
  await eventually('its client to be gone', () => all.rig.set.streams().length === 0);
  all.rig.set.hold();
  all.printer.operations.splice(0);
  all.rig.seen.events.splice(0);
  return all;
}

interface Sent {
  readonly status: number;
  readonly message: IppMessage;
}

/** One request on a connection of its own. */
function send(rig: StreamRig, body: Buffer, headers: Record<string, string> = {}): Promise<Sent> {
  const how = { Host: HOST, 'Content-Type': 'application/ipp', Connection: 'close', 'Content-Length': body.length };
  const all = { ...how, ...headers };
  const options = { host: '127.0.0.1', port: rig.port(), path: '/ipp/print', method: 'POST', headers: all };
  return new Promise((resolve, reject) => {
    const request = httpRequest(options, async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      resolve({ status: response.statusCode ?? 0, message: messageOf(Buffer.concat(chunks)) });
    });
    request.on('error', reject);
    request.end(body);
  });
}

function messageOf(body: Buffer): IppMessage {
  const decoded = decodeIpp(body);
  if (decoded.kind !== 'whole') throw new Error(`${decoded.kind}: ${body.toString('latin1')}`);
  return decoded.message;
}

function attributesIn({ message }: Sent, group: number) {
  return message.groups.filter(({ tag }) => tag === group).flatMap(({ attributes }) => attributes);
}

function filesIn(folder: TempFolder): string[] {
  return readdirSync(folder.path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);
}

describe('IPP to a sleeper', () => {
  it('of whom nothing is known: a request -> goes to it as it is, and wakes it', async () => {
    const { rig, printer } = await start();
    const answer = send(rig, DESCRIBE);
    await eventually('the wake', () => rig.seen.of('held-activity').length > 0);
    expect(printer.operations).toEqual([]);
    rig.set.release(null);
    expect((await answer).message.code).toBe(0);
  });

  it('who said what it is: Get-Printer-Attributes -> that, as far as asked for, and that it sleeps; nobody wakes', async () => {
    const { rig, printer } = await startKnown();
    const all = attributesIn(await send(rig, DESCRIBE), 4);
    expect(textsOf(all, 'printer-name')).toEqual(['paper']);
    expect(textsOf(all, 'document-format-supported')).toEqual(['application/octet-stream', 'text/plain']);
    expect(numberOf(all, 'printer-up-time')).toBeGreaterThanOrEqual(1000);
    expect(textsOf(all, 'printer-state-message')).toEqual(['It sleeps: jobs are kept, and printed later.']);
    expect(textsOf(all, 'media-col-database')).toEqual([]);
    const asked = ipp(0x0b, 1, URI, value(0x44, 'requested-attributes', 'printer-state'), value(0x44, '', 'x'));
    const some = attributesIn(await send(rig, asked), 4);
    expect([some.map(({ name }) => name), numberOf(some, 'printer-state')]).toEqual([['printer-state'], 3]);
    expect([rig.seen.of('held-activity'), printer.operations]).toEqual([[], []]);
  });

  it('a client that waits for a 100 of an awake printer -> gets one, not two, and its printer is asked what it is', async () => {
    const { rig, printer, folder } = await start({ isAwake: true });
    const client = await rig.connect();
    const reader = new SocketReader(client);
    const expecting = post(DESCRIBE, 'POST /ipp/print', 'Expect: 100-continue\r\nConnection: close\r\n');
    client.write(expecting.subarray(0, -DESCRIBE.length));
    await reader.until('HTTP/1.1 100 Continue\r\n\r\n'.length);
    client.write(DESCRIBE);
    await reader.untilEnd('fin');
    client.end();
    expect(reader.text.match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 100', 'HTTP/1.1 200']);
    await eventually('what the printer says to be kept', () => filesIn(folder).includes('printers.json'));
    expect(printer.operations).toEqual([0x0b, 0x0b]);
  });

  it('Print-Job, by length -> its answer comes when the file is there; after the wake the printer gets the same request', async () => {
    const { rig, printer, folder } = await startKnown();
    const answer = await send(rig, Buffer.concat([PRINT, Buffer.from('Dear Bob')]));
    const [file] = filesIn(folder).filter((name) => name.endsWith('.job'));
    expect(file).toBeDefined();
    const job = attributesIn(answer, 2);
    const number = numberOf(job, 'job-id') ?? 0;
    expect([answer.status, answer.message.code, answer.message.requestId]).toEqual([200, 0, 7]);
    expect(number).toBeGreaterThanOrEqual(JOB_NUMBER_BASE);
    expect(textsOf(job, 'job-uri')).toEqual([`ipp://paper:631/ipp/print/${number}`]);
    expect([numberOf(job, 'job-state'), textsOf(job, 'job-state-reasons')]).toEqual([3, ['job-queued']]);
    expect(
      attributesIn(answer, 1).flatMap(({ values }) => values.map(({ bytes }) => String(Buffer.from(bytes)))),
    ).toEqual(['utf-8', 'en-us']);
    expect([rig.seen.of('held-activity'), printer.operations]).toEqual([[], []]);
    rig.set.release(null);
    await eventually('the job at the printer', () => printer.jobs.length === 1);
    expect(printer.jobs[0]?.body.equals(Buffer.concat([PRINT, Buffer.from('Dear Bob')]))).toBe(true);
    expect(printer.jobs[0]?.request).toMatchObject({
      url: '/ipp/print',
      headers: { 'content-type': 'application/ipp' },
    });
    await eventually('an empty spool', () => rig.set.spool?.jobs().length === 0);
  });

  it('Print-Job in chunks, after a 100, a byte at a time, with another request behind it -> one job, two answers', async () => {
    const { rig, printer } = await startKnown();
    const head = 'POST /ipp/print HTTP/1.1\r\nHost: paper:631\r\nContent-Type: application/ipp\r\n';
    const client = await rig.connect();
    const reader = new SocketReader(client);
    client.write(`${head}Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n`);
    await reader.until('HTTP/1.1 100 Continue\r\n\r\n'.length);
    expect(reader.text).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    const body = Buffer.concat([PRINT, Buffer.from('x'.repeat(300))]);
    const chunk = (bytes: Buffer) => [Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')];
    const chunks = [...chunk(body.subarray(0, 20)), ...chunk(body.subarray(20)), Buffer.from('0\r\n\r\n')];
    const second = Buffer.from(`${head}Content-Length: ${DESCRIBE.length}\r\nConnection: close\r\n\r\n`);
    for (const byte of Buffer.concat([...chunks, second, DESCRIBE])) client.write(Uint8Array.of(byte));
    await reader.untilEnd('fin');
    expect(reader.text.match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2);
    expect(rig.set.spool?.jobs()).toHaveLength(1);
    client.end();
    rig.set.release(null);
    await eventually('the job at the printer', () => printer.jobs.length === 1);
    expect(printer.jobs[0]?.body.equals(body)).toBe(true);
  });

  it('Create-Job and Send-Document -> one job, sent as Print-Job with what both say', async () => {
    const { rig, printer } = await startKnown();
    const copies = [Buffer.of(0x02), value(0x21, 'copies', 2)];
    const created = await send(rig, ipp(0x05, 3, URI, USER, value(0x42, 'job-name', 'two steps'), ...copies));
    const number = numberOf(attributesIn(created, 2), 'job-id') ?? 0;
    expect(textsOf(attributesIn(created, 2), 'job-state-reasons')).toEqual(['job-incoming']);
    const document = ipp(0x06, 4, URI, value(0x21, 'job-id', number), USER, FORMAT, value(0x22, 'last-document', TRUE));
    const sent = await send(rig, Buffer.concat([document, Buffer.from('page')]));
    expect([sent.message.code, numberOf(attributesIn(sent, 2), 'job-id')]).toEqual([0, number]);
    rig.set.release(null);
    await eventually('the job at the printer', () => printer.jobs.length === 1);
    const name = value(0x42, 'job-name', 'two steps');
    expect(printer.jobs[0]?.body).toEqual(
      Buffer.concat([ipp(0x02, 4, URI, USER, name, FORMAT, ...copies), Buffer.from('page')]),
    );
  });

  it('what may be asked of a job in the spool -> is told, listed, cancelled by its owner only; of a number that is gone: not found', async () => {
    const { rig } = await startKnown();
    const number = numberOf(attributesIn(await send(rig, PRINT), 2), 'job-id') ?? 0;
    const id = value(0x21, 'job-id', number);
    const told = attributesIn(await send(rig, ipp(0x09, 1, URI, id)), 2);
    expect([numberOf(told, 'job-state'), textsOf(told, 'job-name')]).toEqual([3, ['letter']]);
    const listed = attributesIn(await send(rig, ipp(0x0a, 1, URI)), 2);
    expect(listed.map(({ name }) => name)).toEqual(['job-id', 'job-uri']);
    const cancel = (user: string) => ipp(0x08, 1, URI, id, value(0x42, 'requesting-user-name', user));
    expect((await send(rig, cancel('bob'))).message.code).toBe(0x0403);
    expect((await send(rig, cancel('ann'))).message.code).toBe(0);
    expect(rig.set.spool?.jobs()).toEqual([]);
    expect((await send(rig, ipp(0x09, 1, URI, id))).message.code).toBe(0x0406);
    expect(rig.seen.of('held-activity')).toEqual([]);
  });

  it.each([
    ['TLS', Buffer.from('\x16\x03\x01\x02\x00', 'latin1')],
    ['a browser', Buffer.from('GET / HTTP/1.1\r\nHost: p\r\n\r\n')],
    ['an operation that is not answered here', post(ipp(0x13, 1, URI))],
    ['the jobs that are done', post(ipp(0x0a, 1, URI, value(0x44, 'which-jobs', 'completed')))],
    ['a printer that was never asked for', post(DESCRIBE, 'POST /other')],
    ['credentials', post(DESCRIBE, 'POST /ipp/print', 'Authorization: Basic YTpi\r\n')],
    ['a job larger than maxJobSize', post(Buffer.concat([PRINT, Buffer.alloc(200_000)]))],
    ['a job that must be printed as it says', post(ipp(2, 1, URI, value(0x22, 'ipp-attribute-fidelity', TRUE)))],
  ])('%s -> is held and wakes, as without defer', async (_, bytes) => {
    const { rig } = await startKnown();
    const client = await rig.connect();
    client.write(bytes);
    await eventually('the wake', () => rig.seen.of('held-activity').length > 0);
    expect(rig.set.spool?.jobs()).toEqual([]);
  });

  it('a format that the printer does not list -> is refused at once; Validate-Job of one that it does -> ok', async () => {
    const { rig } = await startKnown();
    const odd = ipp(0x02, 1, URI, value(0x49, 'document-format', 'image/x-odd'));
    expect((await send(rig, odd)).message.code).toBe(0x040a);
    expect((await send(rig, ipp(0x04, 1, URI, FORMAT))).message.code).toBe(0);
    expect(rig.seen.of('held-activity')).toEqual([]);
  });

  it('a job in chunks that grows beyond maxJobSize -> busy, and the printer is woken for when it is sent again', async () => {
    const { rig, folder } = await startKnown();
    const body = Buffer.concat([PRINT, Buffer.alloc(200_000)]);
    const answer = await sendChunked(rig, body);
    expect(answer.message.code).toBe(0x0507);
    expect(rig.seen.of('held-activity').map(({ why }) => why)).toEqual([
      expect.stringContaining('larger than 98 KiB (maxJobSize)'),
    ]);
    await eventually('nothing of it', () => filesIn(folder).join() === 'printers.json');
  });

  it('a client that leaves in the middle -> nothing is kept of its job', async () => {
    const { rig, folder } = await startKnown();
    const client = await rig.connect();
    client.write(post(Buffer.concat([PRINT, Buffer.alloc(90_000)])).subarray(0, 80_000));
    await eventually('the job to be on its way', () => filesIn(folder).length > 1);
    client.resetAndDestroy();
    await eventually('nothing of it', () => filesIn(folder).join() === 'printers.json');
    expect(rig.seen.told.at(-1)).toMatch(/its job is dropped/);
  });

  it('a printer that refuses -> the job stays, and why is told; one that then takes it -> it is gone', async () => {
    const { rig, printer } = await startKnown();
    await send(rig, PRINT);
    printer.httpStatus = 401;
    rig.set.release(null);
    const problem = () => rig.set.spool?.jobs()[0]?.problem ?? '';
    await eventually('the refusal', () => problem() !== '');
    expect(problem()).toMatch(/it answered HTTP 401 Unauthorized: it wants credentials/);
    printer.httpStatus = null;
    printer.ippStatus = 0x040b;
    rig.set.spool?.deliver('a test');
    await eventually('another', () => problem().includes('0x040b'));
    printer.ippStatus = 0;
    rig.set.spool?.deliver('a test');
    await eventually('the job at the printer', () => printer.jobs.length === 1);
    await eventually('an empty spool', () => rig.set.spool?.jobs().length === 0);
  });

  it('more names than are ever asked for, of an awake printer -> it is asked for so many, and no more', async () => {
    const { rig, printer } = await start({ isAwake: true });
    for (let count = 1; count <= MAX_ASKED; count += 1) {
      await send(rig, DESCRIBE, { Host: `name-${count}` });
      await eventually('the printer to be asked', () => printer.operations.length === 2 * count);
    }
    for (let count = 1; count <= 3; count += 1) await send(rig, DESCRIBE, { Host: `other-${count}` });
    await eventually('its clients to be gone', () => rig.set.streams().length === 0);
    expect(printer.operations).toHaveLength(2 * MAX_ASKED + 3);
  });

  it('after a restart -> what the printer said and the jobs are still known, with their numbers', async () => {
    const folder = new TempFolder('ipp-restart');
    const { rig, printer } = await startKnown({ folder });
    const number = numberOf(attributesIn(await send(rig, PRINT), 2), 'job-id') ?? 0;
    await rig.close();
    const listener: Partial<ListenerOptions> = {
      device: 'printer',
      protocol: 'auto',
      wakeOn: 'input',
      defer: DEFER,
      target: { host: '127.0.0.1', port: printer.port },
    };
    const next = await StreamRig.start({ initiallyHeld: true, listeners: [listener], spoolFolder: folder.path });
    closers.push(() => next.close());
    const told = attributesIn(await send(next, ipp(0x09, 1, URI, value(0x21, 'job-id', number))), 2);
    expect(textsOf(told, 'job-name')).toEqual(['letter']);
    expect(textsOf(attributesIn(await send(next, DESCRIBE), 4), 'printer-name')).toEqual(['paper']);
    expect(next.seen.of('held-activity')).toEqual([]);
  });
});

function post(body: Buffer, start = 'POST /ipp/print', fields = ''): Buffer {
  const head = `${start} HTTP/1.1\r\nHost: paper:631\r\nContent-Type: application/ipp\r\n${fields}`;
  return Buffer.concat([Buffer.from(`${head}Content-Length: ${body.length}\r\n\r\n`), body]);
}

async function sendChunked(rig: StreamRig, body: Buffer): Promise<Sent> {
  const client = await rig.connect();
  const reader = new SocketReader(client);
  const head = 'POST /ipp/print HTTP/1.1\r\nHost: paper:631\r\nContent-Type: application/ipp\r\n';
  const size = `${body.length.toString(16)}\r\n`;
  client.write(Buffer.concat([Buffer.from(`${head}Transfer-Encoding: chunked\r\n\r\n${size}`), body]));
  client.write('\r\n0\r\n\r\n');
  await reader.untilEnd('fin');
  client.end();
  const at = reader.received.indexOf('\r\n\r\n');
  return { status: 200, message: messageOf(reader.received.subarray(at + 4)) };
}
