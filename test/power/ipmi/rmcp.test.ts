// RMCP, ASF and session headers against packets written out by hand from the specification's tables.
import { describe, expect, it } from 'vitest';
import {
  decodeAsf,
  decodeRmcp,
  encodePresencePing,
  encodePresencePong,
  encodeRmcp,
} from '../../../src/power/ipmi/rmcp.ts';
import {
  decodeSessionPacket,
  encodeLegacyPacket,
  encodeProtectedPacket,
  encodeSetupPacket,
  integrityCodeOf,
  type RmcpPlusPacket,
} from '../../../src/power/ipmi/rmcp-plus.ts';
import { bytesOf } from '../support/hex.ts';

function codeOf(run: () => unknown): unknown {
  try {
    run();
  } catch (thrown) {
    return (thrown as { code?: unknown }).code;
  }
  return 'did not throw';
}

describe('RMCP header', () => {
  it('IPMI and ASF class -> both ways', () => {
    expect(encodeRmcp('ipmi', bytesOf('aa bb'))).toEqual(bytesOf('06 00 ff 07 aa bb'));
    expect(decodeRmcp(bytesOf('06 00 ff 07 aa bb'))).toEqual({ messageClass: 'ipmi', body: bytesOf('aa bb') });
    expect(decodeRmcp(bytesOf('06 00 ff 06'))).toEqual({ messageClass: 'asf', body: bytesOf('') });
  });

  it.each([
    ['empty', ''],
    ['1 byte', '06'],
    ['2 bytes', '06 00'],
    ['3 bytes', '06 00 ff'],
    ['version 5', '05 00 ff 07'],
    ['OEM class', '06 00 ff 08'],
    ['an acknowledge', '06 00 01 87'],
  ])('%s -> ERR_IPMI_PROTOCOL', (_name, hex) => {
    expect(codeOf(() => decodeRmcp(bytesOf(hex)))).toBe('ERR_IPMI_PROTOCOL');
  });
});

describe('ASF presence', () => {
  const ping = bytesOf('06 00 ff 06 00 00 11 be 80 54 00 00');
  const pong = bytesOf('06 00 ff 06 00 00 11 be 40 54 00 10 00 00 11 be 00 00 00 00 81 00 00 00 00 00 00 00');

  it('ping and pong -> as in tables 13-5 and 13-6', () => {
    expect(encodePresencePing(0x54)).toEqual(ping);
    expect(encodePresencePong({ tag: 0x54, supportsIpmi: true })).toEqual(pong);
    expect(decodeAsf(decodeRmcp(ping).body)).toEqual({ type: 'ping', tag: 0x54 });
    expect(decodeAsf(decodeRmcp(pong).body)).toEqual({ type: 'pong', tag: 0x54, supportsIpmi: true });
  });

  it('pong cut anywhere -> ERR_IPMI_PROTOCOL', () => {
    const { body } = decodeRmcp(pong);
    for (let length = 0; length < body.length; length += 1) {
      expect(codeOf(() => decodeAsf(body.subarray(0, length)))).toBe('ERR_IPMI_PROTOCOL');
    }
  });

  it('pong whose data ends before the supported entities -> ERR_IPMI_PROTOCOL', () => {
    expect(codeOf(() => decodeAsf(bytesOf('00 00 11 be 40 54 00 04 00 00 11 be')))).toBe('ERR_IPMI_PROTOCOL');
  });

  it('another enterprise, another message type -> ERR_IPMI_PROTOCOL', () => {
    expect(codeOf(() => decodeAsf(bytesOf('00 00 11 bf 80 54 00 00')))).toBe('ERR_IPMI_PROTOCOL');
    expect(codeOf(() => decodeAsf(bytesOf('00 00 11 be 81 54 00 00')))).toBe('ERR_IPMI_PROTOCOL');
  });
});

describe('session headers', () => {
  it('v1.5 without authentication -> both ways, a legacy pad byte is ignored', () => {
    const body = bytesOf('00 00 00 00 00 00 00 00 00 02 aa bb');
    expect(encodeLegacyPacket(bytesOf('aa bb'))).toEqual(body);
    const packet = { format: 'v1.5', sessionId: 0, sequence: 0, payload: bytesOf('aa bb') };
    expect(decodeSessionPacket(body)).toEqual(packet);
    expect(decodeSessionPacket(bytesOf('00 00 00 00 00 00 00 00 00 02 aa bb 00'))).toEqual(packet);
  });

  it('v2.0 setup packet -> both ways', () => {
    const body = bytesOf('06 12 00 00 00 00 00 00 00 00 03 00 01 02 03');
    expect(encodeSetupPacket(0x12, bytesOf('01 02 03'))).toEqual(body);
    expect(decodeSessionPacket(body)).toEqual({
      format: 'v2.0',
      payloadType: 0x12,
      encrypted: false,
      authenticated: false,
      sessionId: 0,
      sequence: 0,
      payload: bytesOf('01 02 03'),
      trailer: bytesOf(''),
    });
  });

  it.each([
    // 12 header bytes, payload, pad, pad length, next header: a multiple of 4.
    [16, 2],
    [17, 1],
    [18, 0],
    [19, 3],
    [20, 2],
  ])('protected payload of %i bytes -> integrity pad of %i', (payloadBytes, padBytes) => {
    const payload = new Uint8Array(payloadBytes).fill(0xee);
    const fields = { sessionId: 0x04030201, sequence: 0x14131211, payload, encrypted: true };
    const covered = encodeProtectedPacket(fields);
    expect(covered.length % 4).toBe(0);
    expect(covered.subarray(0, 12)).toEqual(
      Uint8Array.of(6, 0xc0, 1, 2, 3, 4, 0x11, 0x12, 0x13, 0x14, payloadBytes, 0),
    );
    const expectedTrailer = [...new Array<number>(padBytes).fill(0xff), padBytes, 0x07];
    expect([...covered.subarray(12 + payloadBytes)]).toEqual(expectedTrailer);
  });

  it('every header cut anywhere -> ERR_IPMI_PROTOCOL', () => {
    for (const hex of ['00 00 00 00 00 00 00 00 00 02 aa bb', '06 12 00 00 00 00 00 00 00 00 03 00 01 02 03']) {
      const body = bytesOf(hex);
      for (let length = 0; length < body.length; length += 1) {
        expect(codeOf(() => decodeSessionPacket(body.subarray(0, length)))).toBe('ERR_IPMI_PROTOCOL');
      }
    }
  });

  it('v1.5 sessions with authentication, OEM payloads -> ERR_IPMI_PROTOCOL', () => {
    expect(codeOf(() => decodeSessionPacket(bytesOf(`02 ${'00'.repeat(40)}`)))).toBe('ERR_IPMI_PROTOCOL');
    expect(codeOf(() => decodeSessionPacket(bytesOf(`06 02 ${'00'.repeat(40)}`)))).toBe('ERR_IPMI_PROTOCOL');
  });

  it('a payload length beyond the packet -> ERR_IPMI_PROTOCOL', () => {
    expect(codeOf(() => decodeSessionPacket(bytesOf('06 c0 01 00 00 00 01 00 00 00 ff ff aa')))).toBe(
      'ERR_IPMI_PROTOCOL',
    );
  });
});

describe('integrity trailer', () => {
  const packetWith = (trailer: string): RmcpPlusPacket => ({
    format: 'v2.0',
    payloadType: 0,
    encrypted: true,
    authenticated: true,
    sessionId: 1,
    sequence: 1,
    payload: bytesOf(''),
    trailer: bytesOf(trailer),
  });
  const code = '000102030405060708090a0b';

  it('pad, pad length, next header, code -> the code', () => {
    expect(integrityCodeOf(packetWith(`ff ff 02 07 ${code}`), 12)).toEqual(bytesOf(code));
    expect(integrityCodeOf(packetWith(`00 07 ${code}`), 12)).toEqual(bytesOf(code));
  });

  it.each([
    ['empty', ''],
    ['code alone', code],
    ['one byte short', `07 ${code}`],
    ['pad length too large', `ff ff 03 07 ${code}`],
    ['pad length too small', `ff ff 01 07 ${code}`],
    ['another next header', `ff ff 02 08 ${code}`],
  ])('%s -> null', (_name, trailer) => {
    expect(integrityCodeOf(packetWith(trailer), 12)).toBeNull();
  });
});
