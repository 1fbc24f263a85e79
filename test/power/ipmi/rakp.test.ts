// RAKP codes, session keys and sealed packets against vectors from vectors/make-vectors.py, which shares no code with src/.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CIPHER_SUITES, type CipherSuiteId } from '../../../src/power/ipmi/cipher-suite.ts';
import { BmcCredentials } from '../../../src/power/ipmi/credentials.ts';
import { EstablishedSession } from '../../../src/power/ipmi/established-session.ts';
import {
  decodeOpenSessionRequest,
  decodeOpenSessionResponse,
  decodeRakp1,
  decodeRakp2,
  decodeRakp3,
  decodeRakp4,
  encodeOpenSessionRequest,
  encodeOpenSessionResponse,
  encodeRakp1,
  encodeRakp2,
  encodeRakpConfirm,
  type RakpFacts,
  rakp2Code,
  rakp3Code,
  rakp4Data,
  sessionIntegrityKey,
} from '../../../src/power/ipmi/rakp.ts';
import { decodeRmcp } from '../../../src/power/ipmi/rmcp.ts';
import { decodeSessionPacket } from '../../../src/power/ipmi/rmcp-plus.ts';
import { SessionKeys } from '../../../src/power/ipmi/session-keys.ts';
import { bytesOf, hexOf } from '../support/hex.ts';

interface Vector {
  readonly name: string;
  readonly suite: CipherSuiteId;
  readonly user: string;
  readonly password: string;
  readonly role: number;
  readonly consoleSessionId: number;
  readonly managedSessionId: number;
  readonly consoleRandom: string;
  readonly managedRandom: string;
  readonly guid: string;
  readonly rakp2Code: string;
  readonly rakp3Code: string;
  readonly sik: string;
  readonly rakp4Code: string;
  readonly sequence: number;
  readonly iv: string;
  readonly message: string;
  readonly packet: string;
}

const { vectors } = JSON.parse(readFileSync(new URL('./vectors/rakp-vectors.json', import.meta.url), 'utf8')) as {
  vectors: Vector[];
};

function factsOf(vector: Vector): RakpFacts {
  return {
    consoleSessionId: vector.consoleSessionId,
    managedSessionId: vector.managedSessionId,
    consoleRandom: bytesOf(vector.consoleRandom),
    managedRandom: bytesOf(vector.managedRandom),
    guid: bytesOf(vector.guid),
    role: vector.role,
    userName: Buffer.from(vector.user),
  };
}

function keysOf(vector: Vector): SessionKeys {
  return new SessionKeys(CIPHER_SUITES[vector.suite], bytesOf(vector.sik));
}

describe.each(vectors)('RAKP vector: suite $suite, $name', (vector) => {
  const suite = CIPHER_SUITES[vector.suite];
  const credentials = new BmcCredentials(vector.user, vector.password);
  const facts = factsOf(vector);

  it('RAKP 2 and 3 codes and session integrity key -> as computed apart', () => {
    expect(hexOf(rakp2Code(suite, credentials, facts))).toBe(vector.rakp2Code);
    expect(hexOf(rakp3Code(suite, credentials, facts))).toBe(vector.rakp3Code);
    expect(hexOf(sessionIntegrityKey(suite, credentials, facts))).toBe(vector.sik);
  });

  it('RAKP 4 code from the session integrity key -> as computed apart', () => {
    expect(hexOf(keysOf(vector).confirmationCode(rakp4Data(facts)))).toBe(vector.rakp4Code);
  });

  it('sealed packet with the given IV -> byte for byte as computed apart', () => {
    const session = new EstablishedSession({
      keys: keysOf(vector),
      localSessionId: vector.consoleSessionId,
      remoteSessionId: vector.managedSessionId,
      random: () => bytesOf(vector.iv),
    });
    expect(hexOf(session.seal(bytesOf(vector.message)))).toBe(vector.packet);
  });

  it('packet computed apart -> opens to its message, once', () => {
    const session = new EstablishedSession({
      keys: keysOf(vector),
      localSessionId: vector.managedSessionId,
      remoteSessionId: vector.consoleSessionId,
    });
    const { body } = decodeRmcp(bytesOf(vector.packet));
    const opened = session.open(decodeSessionPacket(body), body);
    expect(opened.kind === 'message' && hexOf(opened.message)).toBe(vector.message);
    const again = session.open(decodeSessionPacket(body), body);
    expect(again).toEqual({ kind: 'dropped', why: 'duplicate sequence number' });
  });
});

describe('session activation payloads', () => {
  // Laid out by hand from IPMI v2.0 tables 13-9 to 13-14.
  const random = '000102030405060708090a0b0c0d0e0f';
  const guid = 'f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff';
  const code20 = 'c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3';
  const code12 = 'c0c1c2c3c4c5c6c7c8c9cacb';
  const algorithms = { authentication: 1, integrity: 1, confidentiality: 1 };
  const algorithmBytes = '00 00 00 08 01 00 00 00  01 00 00 08 01 00 00 00  02 00 00 08 01 00 00 00';

  const openRequest = bytesOf(`07 03 00 00  a4 a3 a2 a0 ${algorithmBytes}`);
  const openResponse = bytesOf(`07 00 03 00  a4 a3 a2 a0  01 02 03 04 ${algorithmBytes}`);
  const rakp1 = bytesOf(`08 00 00 00  01 02 03 04 ${random} 13 00 00 05 61 64 6d 69 6e`);
  const rakp2 = bytesOf(`08 00 00 00  a4 a3 a2 a0 ${random} ${guid} ${code20}`);
  const rakp3 = bytesOf(`09 00 00 00  01 02 03 04 ${code20}`);
  const rakp4 = bytesOf(`09 00 00 00  a4 a3 a2 a0 ${code12}`);

  it('Open Session Request -> both ways', () => {
    const message = { tag: 7, privilege: 3, consoleSessionId: 0xa0a2a3a4, algorithms };
    expect(decodeOpenSessionRequest(openRequest)).toEqual(message);
    expect(encodeOpenSessionRequest(message)).toEqual(openRequest);
  });

  it('Open Session Response -> both ways', () => {
    const accepted = { managedSessionId: 0x04030201, algorithms };
    const message = { tag: 7, status: 0, privilege: 3, consoleSessionId: 0xa0a2a3a4, accepted };
    expect(decodeOpenSessionResponse(openResponse)).toEqual(message);
    expect(encodeOpenSessionResponse(message)).toEqual(openResponse);
  });

  it('RAKP messages 1 to 4 -> both ways', () => {
    const first = decodeRakp1(rakp1);
    expect({ ...first, userName: Buffer.from(first.userName).toString() }).toMatchObject({
      tag: 8,
      managedSessionId: 0x04030201,
      role: 0x13,
      userName: 'admin',
    });
    expect(encodeRakp1(first)).toEqual(rakp1);
    const second = decodeRakp2(rakp2, CIPHER_SUITES[3]);
    expect([second.consoleSessionId, hexOf(second.accepted?.guid ?? rakp1)]).toEqual([0xa0a2a3a4, guid]);
    expect(encodeRakp2(second)).toEqual(rakp2);
    const third = decodeRakp3(rakp3, CIPHER_SUITES[3]);
    expect([third.sessionId, hexOf(third.code ?? rakp1)]).toEqual([0x04030201, code20]);
    expect(encodeRakpConfirm(third)).toEqual(rakp3);
    const fourth = decodeRakp4(rakp4, CIPHER_SUITES[3]);
    expect([fourth.sessionId, hexOf(fourth.code ?? rakp1)]).toEqual([0xa0a2a3a4, code12]);
    expect(encodeRakpConfirm(fourth)).toEqual(rakp4);
  });

  it('errors that end right after their status, as some BMCs send them -> the status is read', () => {
    const short = bytesOf('07 11');
    expect(decodeOpenSessionResponse(short)).toMatchObject({ status: 0x11, accepted: null });
    expect(decodeRakp2(short, CIPHER_SUITES[3])).toMatchObject({ status: 0x11, accepted: null });
    expect(decodeRakp4(short, CIPHER_SUITES[3])).toMatchObject({ status: 0x11, code: null });
  });

  it.each([
    ['Open Session Request', openRequest, decodeOpenSessionRequest],
    ['Open Session Response', openResponse, decodeOpenSessionResponse],
    ['RAKP message 1', rakp1, decodeRakp1],
    ['RAKP message 2', rakp2, (bytes: Uint8Array) => decodeRakp2(bytes, CIPHER_SUITES[3])],
    ['RAKP message 3', rakp3, (bytes: Uint8Array) => decodeRakp3(bytes, CIPHER_SUITES[3])],
    ['RAKP message 4', rakp4, (bytes: Uint8Array) => decodeRakp4(bytes, CIPHER_SUITES[3])],
  ] as const)('%s: too short at every length -> ERR_IPMI_PROTOCOL', (name, whole, decode) => {
    for (let length = 0; length < whole.length; length += 1) {
      let thrown: unknown = null;
      try {
        decode(whole.subarray(0, length));
      } catch (error) {
        thrown = error;
      }
      expect(thrown, `${length} bytes`).toMatchObject({ code: 'ERR_IPMI_PROTOCOL' });
      expect(String(thrown)).toContain(name);
    }
  });
});
