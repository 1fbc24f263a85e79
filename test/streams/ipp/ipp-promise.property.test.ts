// IPP's promise over power cuts at any place: a job whose answer was sent is there afterwards, whole and once, as the request that prints it.
import { describe, expect, it } from 'vitest';
import { decodeIpp, numberOf } from '../../../src/streams/ipp/ipp-message.ts';
import { jobNumber } from '../../../src/streams/spool/spool-store.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { CrashingDisk } from '../spool/support/crashing-disk.ts';
import { makeRandom } from '../support/checked-traffic.ts';
import { noise } from '../support/socket-reader.ts';
import { MemoryClient, openDoor, openStore } from './support/door-rig.ts';
import { ipp, value } from './support/ipp-printer.ts';

const RUNS = 40;
const JOBS = 5;
const URI = value(0x45, 'printer-uri', 'ipp://paper/ipp/print');

interface Course {
  /** By number, what was answered for. */
  readonly answered: Map<number, Buffer>;
  readonly sent: Buffer[];
}

function requestOf(body: Buffer, isChunked: boolean): Buffer {
  const framing = isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`;
  const head = `POST /ipp/print HTTP/1.1\r\nHost: paper\r\nContent-Type: application/ipp\r\n${framing}\r\n`;
  const chunks = [Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n0\r\n\r\n')];
  return Buffer.concat([Buffer.from(`${head}\r\n`), ...(isChunked ? chunks : [body])]);
}

/** Prints one after the other over one connection, and notes what was answered. */
async function play(disk: CrashingDisk, course: Course, random: (below: number) => number): Promise<void> {
  const door = await openDoor(disk, { clock: new FakeClock() });
  const client = new MemoryClient();
  door.admit('lab-1', client.asSocket, null).start();
  for (let job = 0; job < JOBS && !client.isOver; job += 1) {
    const document = noise(random(3) === 0 ? 100_000 + random(100_000) : 1 + random(2000), 1 + random(1000));
    const body = Buffer.concat([ipp(0x02, job + 1, URI), document]);
    const wire = requestOf(body, random(2) === 0);
    course.sent.push(body);
    client.received = Buffer.alloc(0);
    for (let at = 0; at < wire.length; ) {
      const end = Math.min(wire.length, at + 1 + random(70_000));
      client.emit('data', wire.subarray(at, end));
      at = end;
    }
    while (!client.isOver && client.received.length === 0)
      await new Promise<void>((resolve) => client.once('answer', resolve));
    const answer = decodeIpp(client.received.subarray(client.received.indexOf('\r\n\r\n') + 4));
    if (answer.kind !== 'whole' || answer.message.code !== 0) return;
    const attributes = answer.message.groups.flatMap((group) => group.attributes);
    course.answered.set(numberOf(attributes, 'job-id') ?? 0, body);
  }
}

/** The bodies of the requests that are kept. */
async function bodiesIn(disk: CrashingDisk): Promise<Map<number, Buffer>> {
  const store = await openStore(disk);
  const found = new Map<number, Buffer>();
  for (const job of store.jobs) {
    const pieces: Uint8Array[] = [];
    for await (const piece of store.read(job)) pieces.push(piece);
    const request = Buffer.concat(pieces);
    const at = request.indexOf('\r\n\r\n') + 4;
    const head = request.subarray(0, at).toString();
    const body = request.subarray(at);
    found.set(jobNumber(job.id), head.includes('chunked') ? unchunk(body) : body);
  }
  return found;
}

function unchunk(bytes: Buffer): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; ; ) {
    const end = bytes.indexOf('\r\n', at);
    const size = Number.parseInt(bytes.toString('latin1', at, end), 16);
    if (size === 0) return Buffer.concat(pieces);
    pieces.push(bytes.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
}

describe('IPP over power cuts', () => {
  it(`a power cut at any of its calls to the disk, ${RUNS} times: what was answered for -> is there, whole; nothing else is half there`, async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    console.info(`seed ${seed}`);
    const random = makeRandom(seed);
    const whole = new CrashingDisk();
    const all: Course = { answered: new Map(), sent: [] };
    await play(whole, all, makeRandom(seed));
    expect(all.answered.size, `seed ${seed}`).toBe(JOBS);
    for (let run = 0; run < RUNS; run += 1) {
      const disk = new CrashingDisk();
      disk.cutAt = 8 + random(whole.calls);
      const course: Course = { answered: new Map(), sent: [] };
      await play(disk, course, random).catch((thrown: unknown) => {
        if (!String(thrown).includes('the power is gone')) throw thrown;
      });
      const left = await bodiesIn(disk.afterPowerCut(random));
      const why = `seed ${seed}, run ${run}, cut at ${disk.cutAt}`;
      for (const [job, body] of course.answered) expect(left.get(job)?.equals(body), why).toBe(true);
      for (const body of left.values())
        expect(
          course.sent.some((each) => each.equals(body)),
          why,
        ).toBe(true);
      expect(left.size, why).toBeLessThanOrEqual(course.answered.size + 1);
    }
  });
});
