// The driver over real sockets and TLS: who is let in, what is sent how often, and what broken wires lead to.
import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { HttpsPort, MAX_BODY_BYTES } from '../../../src/power/redfish/https-port.ts';
import { RedfishDriver, type RedfishDriverOptions } from '../../../src/power/redfish/redfish-driver.ts';
import { formatFingerprint, type TlsTrust } from '../../../src/power/redfish/tls-trust.ts';
import { STANDARD_PROFILE } from '../../../src/power/simulated/redfish-profiles.ts';
import { SimulatedHost } from '../../../src/power/simulated/simulated-host.ts';
import { SimulatedRedfish, type SimulatedRedfishOptions } from '../../../src/power/simulated/simulated-redfish.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const PASSWORD = 'correct horse bat';
const PATIENT = new AbortController().signal;

function pem(name: string): string {
  return readFileSync(new URL(`fixtures/${name}.pem`, import.meta.url), 'utf8');
}

const BMC = { key: pem('bmc.key'), cert: pem('bmc.cert') };
const OTHER = { key: pem('other.key'), cert: pem('other.cert') };
const NAMED = { key: pem('named.key'), cert: pem('named.cert') };

function sha256Of(tls: { readonly cert: string }): Uint8Array {
  return createHash('sha256').update(new X509Certificate(tls.cert).raw).digest();
}

const PINNED: TlsTrust = { kind: 'fingerprint', sha256: sha256Of(BMC) };
const ends: Array<() => Promise<void> | void> = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function serviceWith(options: Partial<SimulatedRedfishOptions> = {}) {
  const clock = systemClock;
  const host = new SimulatedHost({ clock, suspendMs: 0, resumeMs: 0 });
  const users = [{ name: 'torpor', password: PASSWORD, role: 'Operator' as const }];
  const profile = { ...STANDARD_PROFILE, actionAnswer: 204 as const };
  const service = new SimulatedRedfish({ machine: host, clock, users, tls: BMC, profile, ...options });
  await service.start();
  ends.push(() => service.stop());
  ends.push(() => host.stop());
  return { service, host };
}

function driverTo(port: number, options: Partial<RedfishDriverOptions> = {}): RedfishDriver {
  const access = { host: '127.0.0.1', port, user: 'torpor', password: PASSWORD, trust: PINNED };
  const driver = new RedfishDriver({ ...access, sleep: 'S3', clock: systemClock, ...options });
  ends.push(() => driver.close());
  return driver;
}

/** A server of bytes: what it does with each connection is the test's to say. */
async function byteServer(serve: (socket: Socket, connection: number) => void): Promise<number> {
  let connections = 0;
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('error', () => {});
    serve(socket, connections);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  ends.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return (server.address() as AddressInfo).port;
}

const GET = { method: 'GET', path: '/redfish/v1/', headers: {}, body: null, delivery: 'repeatable' } as const;

function plainPort(port: number, clock = systemClock): HttpsPort {
  const made = new HttpsPort({ host: '127.0.0.1', port, trust: { kind: 'none' }, clock });
  ends.push(() => made.close());
  return made;
}

describe('certificates', () => {
  it('the pinned one -> read; by session and by basic authentication', async () => {
    for (const login of ['session', 'basic'] as const) {
      const { service } = await serviceWith();
      const driver = driverTo(service.port, { login });
      expect(await driver.readPower(PATIENT)).toMatchObject({ powerBit: true, watts: 184 });
      expect(service.sessionCount).toBe(login === 'session' ? 1 : 0);
      await driver.close();
      expect(service.sessionCount).toBe(0);
    }
  });

  it('another one -> refused before any byte of HTTP, with both fingerprints', async () => {
    const { service } = await serviceWith({ tls: OTHER });
    const answer = driverTo(service.port).readPower(PATIENT);
    await expect(answer).rejects.toMatchObject({ code: 'ERR_REDFISH_CERTIFICATE' });
    await expect(answer).rejects.toThrow(
      `${formatFingerprint(sha256Of(OTHER))}, not ${formatFingerprint(sha256Of(BMC))}`,
    );
    expect(service.requests).toEqual([]);
  });

  it('the given authority, which may be the certificate itself -> read; another -> refused', async () => {
    const { service } = await serviceWith();
    const ca = { kind: 'ca', pem: BMC.cert, serverName: null } as const;
    expect((await driverTo(service.port, { trust: ca }).readPower(PATIENT)).powerBit).toBe(true);
    const wrong = { kind: 'ca', pem: OTHER.cert, serverName: null } as const;
    await expect(driverTo(service.port, { trust: wrong }).readPower(PATIENT)).rejects.toMatchObject({
      code: 'ERR_REDFISH_CERTIFICATE',
    });
  });

  it('made for another name -> refused with what to write; read by that name', async () => {
    const { service } = await serviceWith({ tls: NAMED });
    const ca = { kind: 'ca', pem: NAMED.cert, serverName: null } as const;
    await expect(driverTo(service.port, { trust: ca }).readPower(PATIENT)).rejects.toThrow(
      /made for another name or address.*tls\.serverName/,
    );
    const named = { ...ca, serverName: 'bmc.example' };
    expect((await driverTo(service.port, { trust: named }).readPower(PATIENT)).powerBit).toBe(true);
  });

  it('signed by itself, and only the system is trusted -> refused, with the line to write', async () => {
    const { service } = await serviceWith();
    const system = { kind: 'system', serverName: null } as const;
    const answer = driverTo(service.port, { trust: system }).readPower(PATIENT);
    await expect(answer).rejects.toThrow(`signed by itself; its fingerprint is ${formatFingerprint(sha256Of(BMC))}`);
    await expect(answer).rejects.toThrow(`tls: { fingerprint: "${formatFingerprint(sha256Of(BMC))}" }`);
    expect(service.requests).toEqual([]);
  });

  it('changed while it runs -> the press is refused, for it takes a new connection; nothing was sent', async () => {
    const { service, host } = await serviceWith();
    const driver = driverTo(service.port);
    await driver.readPower(PATIENT);
    service.changeCertificate(OTHER);
    const answer = await driver.requestSleep(PATIENT);
    expect(answer.outcome).toBe('refused');
    expect(answer.attempts.at(-1)).toContain('another certificate than the pinned one');
    expect(host.buttonPresses).toBe(0);
  });

  it('a port that speaks no TLS, and one where nobody listens -> unreachable, in words', async () => {
    const { service } = await serviceWith({ tls: null });
    await expect(driverTo(service.port).readPower(PATIENT)).rejects.toThrow('it speaks no TLS on that port');
    const free = service.port;
    await service.stop();
    await expect(driverTo(free).readPower(PATIENT)).rejects.toMatchObject({
      code: 'ERR_REDFISH_UNREACHABLE',
      retryable: true,
    });
  });
});

describe('one press, one packet', () => {
  it('the answer is lost on the wire -> unknown; one request, one press', async () => {
    const { service, host } = await serviceWith();
    service.faults.losesDeedAnswers = true;
    const answer = await driverTo(service.port).requestSleep(PATIENT);
    expect(answer.outcome).toBe('unknown');
    expect(host.buttonPresses).toBe(1);
    expect(service.requests.filter((line) => line.startsWith('POST /redfish/v1/Systems'))).toHaveLength(1);
  });

  it('the connection is reset while the POST arrives -> unknown, and not sent again', async () => {
    const { service, host } = await serviceWith();
    service.faults.resetsAtDeeds = true;
    const answer = await driverTo(service.port).requestSleep(PATIENT);
    expect(answer.outcome).toBe('unknown');
    expect(host.buttonPresses).toBe(0);
    expect(service.requests.filter((line) => line.startsWith('POST /redfish/v1/Systems'))).toHaveLength(1);
  });

  it('a BMC that closes kept connections -> reading goes on, and each press is still one request', async () => {
    const { service, host } = await serviceWith();
    const driver = driverTo(service.port);
    for (let round = 1; round <= 5; round += 1) {
      await driver.readPower(PATIENT);
      service.dropConnections();
      expect((await driver.requestSleep(PATIENT)).outcome).toBe('accepted');
      await eventually('the host to sleep', () => host.phase === 'asleep');
      service.dropConnections();
      expect((await driver.requestWake('power-on', PATIENT)).outcome).toBe('accepted');
      await eventually('the host to run', () => host.phase === 'running');
      expect(host.buttonPresses).toBe(round);
    }
    expect(service.sessionsMade).toBe(1);
  });

  it('a slow BMC -> given up after the bound: unknown, pressed once', async () => {
    const { service, host } = await serviceWith();
    const clock = new FakeClock();
    const slow = driverTo(service.port, { clock, bounds: { answerMs: 1000 } });
    await slow.readPower(PATIENT);
    service.faults.silentDeeds = true;
    const press = slow.requestSleep(PATIENT);
    await eventually('the press to arrive', () =>
      service.requests.some((line) => line.includes('ComputerSystem.Reset')),
    );
    await clock.advance(1000);
    expect(await press).toMatchObject({ outcome: 'unknown' });
    expect(host.buttonPresses).toBe(0);
  });

  it('the caller gives up while the press is under way -> unknown', async () => {
    const { service } = await serviceWith();
    const driver = driverTo(service.port);
    await driver.readPower(PATIENT);
    service.faults.silentDeeds = true;
    const stop = new AbortController();
    const press = driver.requestSleep(stop.signal);
    await eventually('the press to arrive', () =>
      service.requests.some((line) => line.includes('ComputerSystem.Reset')),
    );
    stop.abort();
    expect((await press).outcome).toBe('unknown');
  });
});

describe('sessions', () => {
  it('many readers at once -> one session', async () => {
    const { service } = await serviceWith();
    const driver = driverTo(service.port);
    await Promise.all(Array.from({ length: 12 }, () => driver.readPower(PATIENT)));
    expect(service.sessionsMade).toBe(1);
  });

  it('forgotten by the BMC again and again -> made anew, one at a time', async () => {
    const { service } = await serviceWith();
    const driver = driverTo(service.port);
    for (let round = 1; round <= 3; round += 1) {
      await Promise.all(Array.from({ length: 4 }, () => driver.readPower(PATIENT)));
      expect(service.sessionCount).toBe(1);
      expect(service.sessionsMade).toBe(round);
      service.restart();
    }
  });

  it('a caller gave up during the login -> the session is kept for the next one, and ended at the close', async () => {
    const { service } = await serviceWith();
    service.faults.delayMs = 50;
    const driver = driverTo(service.port);
    const stop = new AbortController();
    const reading = driver.readPower(stop.signal).catch((thrown: unknown) => thrown);
    await eventually('the login to arrive', () => service.requests.some((line) => line.startsWith('POST')));
    stop.abort();
    expect(await reading).toMatchObject({ code: 'ERR_REDFISH_TIMEOUT' });
    expect((await driver.readPower(PATIENT)).powerBit).toBe(true);
    expect(service.sessionsMade).toBe(1);
    await driver.close();
    expect(service.sessionCount).toBe(0);
  });

  it('closed while the BMC makes the session -> it is ended there, too', async () => {
    const { service } = await serviceWith();
    service.faults.delayMs = 50;
    // Its clock stands: no bound ends the login.
    const driver = driverTo(service.port, { clock: new FakeClock() });
    const reading = driver.readPower(PATIENT).catch((thrown: unknown) => thrown);
    await eventually('the login to arrive', () => service.requests.some((line) => line.startsWith('POST')));
    await driver.close();
    expect(await reading).toBeInstanceOf(Error);
    expect([service.sessionsMade, service.sessionCount]).toEqual([1, 0]);
  });

  it('all sessions taken -> said so, with the way out', async () => {
    const { service } = await serviceWith({ profile: { ...STANDARD_PROFILE, maxSessions: 1 } });
    await driverTo(service.port).readPower(PATIENT);
    const answer = driverTo(service.port).readPower(PATIENT);
    await expect(answer).rejects.toMatchObject({ code: 'ERR_REDFISH_SESSION', retryable: true });
    await expect(answer).rejects.toThrow('end others on the BMC, or write login: basic');
    expect((await driverTo(service.port, { login: 'basic' }).readPower(PATIENT)).powerBit).toBe(true);
  });

  it('busy for a moment (503, Retry-After) -> asked again; for long -> an error that may pass', async () => {
    const { service } = await serviceWith();
    const driver = driverTo(service.port);
    await driver.readPower(PATIENT);
    service.faults.retryAfterSeconds = 0;
    service.faults.busyAnswers = 1;
    expect((await driver.readPower(PATIENT)).powerBit).toBe(true);
    service.faults.busyAnswers = 100;
    await expect(driver.readPower(PATIENT)).rejects.toMatchObject({ code: 'ERR_REDFISH_BUSY', retryable: true });
  });
});

describe('answers that are none', () => {
  it.each([
    ['another protocol', 'SSH-2.0-OpenSSH_9.6\r\n', 'ERR_REDFISH_PROTOCOL'],
    ['nothing at all', '', 'ERR_REDFISH_UNREACHABLE'],
    ['half a header', 'HTTP/1.1 200 OK\r\nContent-Le', 'ERR_REDFISH_UNREACHABLE'],
    ['endless headers', `HTTP/1.1 200 OK\r\n${'X-Pad: 0123456789\r\n'.repeat(4000)}`, 'ERR_REDFISH_PROTOCOL'],
    [
      'an upgrade',
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
      'ERR_REDFISH_PROTOCOL',
    ],
  ])('%s -> %s', async (_, bytes, code) => {
    const port = await byteServer((socket) => socket.once('data', () => socket.end(bytes)));
    await expect(plainPort(port).ask(GET, PATIENT)).rejects.toMatchObject({ code });
  });

  it('a body that breaks off, is endless, or compressed -> the status, and why the body is none', async () => {
    const heads = [
      ['HTTP/1.1 401 No\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello', 401, 'it breaks off'],
      ['HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"a":', 200, 'it breaks off'],
      [
        'HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}',
        200,
        'it is compressed, though plain text was asked for',
      ],
    ] as const;
    for (const [bytes, status, bodyProblem] of heads) {
      const port = await byteServer((socket) => socket.once('data', () => socket.end(bytes)));
      expect(await plainPort(port).ask(GET, PATIENT)).toMatchObject({ status, bodyProblem });
    }
    const endless = await byteServer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
      const flood = () => {
        while (!socket.destroyed && socket.write(chunk));
        socket.once('drain', flood);
      };
      flood();
    });
    const answer = await plainPort(endless).ask(GET, PATIENT);
    expect(answer.bodyProblem).toBe('it is longer than 2 MiB');
    expect(answer.body.length).toBeLessThanOrEqual(MAX_BODY_BYTES);
  });

  it('one byte at a time, forever -> given up after the bound', async () => {
    const clock = new FakeClock();
    const port = await byteServer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n');
      const drip = setInterval(() => socket.write('x'), 5);
      socket.once('close', () => clearInterval(drip));
    });
    let sent = false;
    const onSent = () => {
      sent = true;
    };
    const asked = plainPort(port, clock).ask({ ...GET, onSent }, PATIENT);
    const caught = asked.catch((thrown: unknown) => thrown);
    await eventually('the question to be sent', () => sent);
    await clock.advance(30_000);
    expect(await caught).toMatchObject({ code: 'ERR_REDFISH_TIMEOUT' });
  });

  it('two readings that hang, on connections that were kept -> a wake is sent and answered all the same', async () => {
    let hangs = false;
    const port = await byteServer((socket) =>
      socket.on('data', (bytes) => {
        if (hangs && String(bytes).startsWith('GET')) return;
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}');
      }),
    );
    // Its clock stands: nothing is given up.
    const bmc = plainPort(port, new FakeClock());
    await Promise.all([bmc.ask(GET, PATIENT), bmc.ask(GET, PATIENT)]);
    hangs = true;
    const readers = new AbortController();
    let asked = 0;
    const onSent = () => {
      asked += 1;
    };
    const readings = [1, 2].map(() => bmc.ask({ ...GET, onSent }, readers.signal).catch(() => 'given up'));
    await eventually('both readings to be under way', () => asked === 2);
    const wake = {
      ...GET,
      method: 'POST',
      path: '/redfish/v1/Systems/1/Actions/ComputerSystem.Reset',
      body: '{}',
    } as const;
    expect(await bmc.ask(wake, PATIENT)).toMatchObject({ status: 200 });
    readers.abort();
    expect(await Promise.all(readings)).toEqual(['given up', 'given up']);
  });

  it('a redirect elsewhere -> not followed, and nobody else learns of the login', async () => {
    const strangers: string[] = [];
    const stranger = await byteServer((socket) => socket.on('data', (data) => strangers.push(String(data))));
    const port = await byteServer((socket) =>
      socket.on('data', () =>
        socket.end(
          `HTTP/1.1 302 Found\r\nLocation: http://127.0.0.2:${stranger}/redfish/v1/\r\nContent-Length: 0\r\n\r\n`,
        ),
      ),
    );
    const driver = driverTo(port, { trust: { kind: 'none' }, login: 'basic' });
    await expect(driver.readPower(PATIENT)).rejects.toThrow('a redirect away from the BMC');
    expect(strangers).toEqual([]);
  });
});
