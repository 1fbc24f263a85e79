// IPP clients that take a place and give nothing, ask and do not read, or send what is no request: each is bounded, by a clock that the test moves.
import { afterEach, describe, expect, it } from 'vitest';
import { REQUEST_MS } from '../../../src/streams/ipp/ipp-intake.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { CrashingDisk } from '../spool/support/crashing-disk.ts';
import { MemoryClient, openDoor } from './support/door-rig.ts';
import { ipp, value } from './support/ipp-printer.ts';

const URI = value(0x45, 'printer-uri', 'ipp://paper/ipp/print');
const HEAD = 'POST /ipp/print HTTP/1.1\r\nHost: paper\r\nContent-Type: application/ipp\r\n';
const DESCRIBE = request(ipp(0x0b, 1, URI));

const clients: MemoryClient[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.destroy();
});

function request(body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${HEAD}Content-Length: ${body.length}\r\n\r\n`), body]);
}

async function start() {
  const disk = new CrashingDisk();
  const clock = new FakeClock();
  const closed: string[] = [];
  const door = await openDoor(disk, { clock, onClosed: (why) => closed.push(why) });
  const client = new MemoryClient();
  clients.push(client);
  door.admit('lab-1', client.asSocket, null).start();
  return { clock, client, closed, door, answers: () => String(client.received).split('HTTP/1.1 200 OK').length - 1 };
}

describe('clients of IPP at their bounds', () => {
  it.each([
    ['a head', DESCRIBE.subarray(0, 20)],
    ['its attributes', DESCRIBE.subarray(0, -3)],
  ])('half of %s, and nothing more -> reset a minute after its first byte, not before', async (_, half) => {
    const { clock, client, door } = await start();
    client.emit('data', half);
    await clock.advance(REQUEST_MS - 1);
    expect([client.destroyed, [...door.intakes].map(({ isDormant }) => isDormant)]).toEqual([false, [false]]);
    await clock.advance(1);
    expect([client.destroyed, [...door.intakes], clock.pending]).toEqual([true, [], 0]);
  });

  it('a request, and then nothing -> it stays, and makes room where others need it', async () => {
    const { clock, client, door, answers } = await start();
    client.emit('data', DESCRIBE);
    await clock.advance(10 * REQUEST_MS);
    expect([answers(), client.destroyed, clock.pending]).toEqual([1, false, 0]);
    const [intake] = door.intakes;
    expect(intake?.isDormant).toBe(true);
    intake?.makeRoom();
    expect(client.destroyed).toBe(true);
  });

  it('a thousand requests of one that does not read -> one answer waits for it, not a thousand; it is reset a minute later', async () => {
    const { clock, client, answers } = await start();
    client.isReading = false;
    for (let count = 0; count < 1000; count += 1) client.emit('data', DESCRIBE);
    await clock.advance(1);
    expect(answers()).toBe(1);
    client.writableLength = 0;
    client.emit('drain');
    await clock.advance(1);
    expect(answers()).toBe(2);
    await clock.advance(REQUEST_MS);
    expect([answers(), client.destroyed]).toEqual([2, true]);
  });

  it('a job in chunks that are none -> reset at once: there is no telling where it ends', async () => {
    const { client, closed } = await start();
    const body = ipp(0x02, 1, URI);
    client.emit('data', Buffer.from(`${HEAD}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n`));
    client.emit('data', Buffer.concat([body, Buffer.from('\r\n4\r\npageNO\r\n')]));
    await eventually('its end', () => client.destroyed);
    expect(closed).toEqual([expect.stringContaining('its request is cut: its job is dropped')]);
  });
});
