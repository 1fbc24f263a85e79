// Which message settles which command: rqSeq, network function and command must all match.
import { describe, expect, it } from 'vitest';
import { CIPHER_SUITES } from '../../../src/power/ipmi/cipher-suite.ts';
import { CommandExchange, SessionSilence } from '../../../src/power/ipmi/command-exchange.ts';
import { EstablishedSession } from '../../../src/power/ipmi/established-session.ts';
import { encodeIpmiResponse, type IpmiResponse } from '../../../src/power/ipmi/ipmi-message.ts';
import { DEFAULT_BOUNDS } from '../../../src/power/ipmi/session-bounds.ts';
import { SessionKeys } from '../../../src/power/ipmi/session-keys.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { bytesOf } from '../support/hex.ts';

function newExchange() {
  const clock = new FakeClock();
  const keys = new SessionKeys(CIPHER_SUITES[3], new Uint8Array(20));
  const session = new EstablishedSession({ keys, localSessionId: 1, remoteSessionId: 2 });
  const sent: Uint8Array[] = [];
  const exchange = new CommandExchange(session, (packet) => sent.push(packet), clock, DEFAULT_BOUNDS);
  return { clock, sent, exchange };
}

/** Get Chassis Status, as asked. */
const request = { name: 'Get Chassis Status', netFn: 0x00, code: 0x01, body: bytesOf('') };
const answer: IpmiResponse = {
  netFn: 0x01,
  lun: 0,
  rqSeq: 0,
  command: 0x01,
  completionCode: 0,
  body: bytesOf('01 00 00'),
};

describe('command exchange', () => {
  it.each([
    ['another rqSeq', { rqSeq: 1 }],
    ['another command', { command: 0x02 }],
    ['another network function', { netFn: 0x07 }],
  ])('%s -> settles nothing; the right one does', async (_name, change) => {
    const { exchange } = newExchange();
    const asked = exchange.run(request);
    expect(exchange.receive(encodeIpmiResponse({ ...answer, ...change }))).toBe(false);
    expect(exchange.receive(encodeIpmiResponse(answer))).toBe(true);
    expect((await asked).body).toEqual(bytesOf('01 00 00'));
    expect(exchange.receive(encodeIpmiResponse(answer))).toBe(false);
  });

  it('ended -> what is pending and what comes later rejects with SessionSilence, nothing is sent', async () => {
    const { clock, sent, exchange } = newExchange();
    const pending = Array.from({ length: 6 }, () => exchange.run(request).catch((thrown: unknown) => thrown));
    exchange.end();
    const later = exchange.run(request).catch((thrown: unknown) => thrown);
    for (const result of await Promise.all([...pending, later])) expect(result).toBeInstanceOf(SessionSilence);
    expect([sent.length, clock.pending]).toEqual([DEFAULT_BOUNDS.maxInFlight, 0]);
  });

  it('a waiting command aborts -> it is never sent', async () => {
    const { sent, exchange } = newExchange();
    const inFlight = Array.from({ length: 4 }, () => exchange.run(request).catch(() => {}));
    const abort = new AbortController();
    const waiting = exchange.run({ ...request, signal: abort.signal }).catch((thrown: unknown) => thrown);
    abort.abort();
    expect(await waiting).toMatchObject({ code: 'ERR_IPMI_TIMEOUT' });
    exchange.receive(encodeIpmiResponse(answer));
    expect(sent).toHaveLength(4);
    exchange.end();
    await Promise.all(inFlight);
  });
});
