// IPMI LAN messages against bytes written out by hand; checksums are sums a reader can redo.
import { describe, expect, it } from 'vitest';
import {
  decodeIpmiRequest,
  decodeIpmiResponse,
  encodeIpmiRequest,
  encodeIpmiResponse,
} from '../../../src/power/ipmi/ipmi-message.ts';
import { bytesOf } from '../support/hex.ts';

// 20 + 18 = 38 -> C8; 81 + 04 + 38 + 8E + 04 = 14F -> B1 (Get Channel Authentication Capabilities)
const request = bytesOf('20 18 c8 81 04 38 8e 04 b1');
// 81 + 1C = 9D -> 63; 20 + 04 + 38 + 00 + 01 = 5D -> A3
const response = bytesOf('81 1c 63 20 04 38 00 01 a3');

describe('IPMI message', () => {
  it('request -> both ways', () => {
    const message = { netFn: 0x06, lun: 0, rqSeq: 1, command: 0x38, body: bytesOf('8e 04') };
    expect(encodeIpmiRequest(message)).toEqual(request);
    expect(decodeIpmiRequest(request)).toEqual(message);
  });

  it('response -> both ways', () => {
    const message = { netFn: 0x07, lun: 0, rqSeq: 1, command: 0x38, completionCode: 0, body: bytesOf('01') };
    expect(encodeIpmiResponse(message)).toEqual(response);
    expect(decodeIpmiResponse(response)).toEqual(message);
  });

  it('logical unit and the largest rqSeq -> in their bits', () => {
    const message = { netFn: 0x04, lun: 3, rqSeq: 63, command: 0x2d, body: bytesOf('01') };
    const bytes = encodeIpmiRequest(message);
    expect([bytes[1], bytes[4]]).toEqual([(0x04 << 2) | 3, 63 << 2]);
    expect(decodeIpmiRequest(bytes)).toEqual(message);
  });

  it('cut at every length -> ERR_IPMI_PROTOCOL', () => {
    for (const [whole, decode] of [
      [request, decodeIpmiRequest],
      [response, decodeIpmiResponse],
    ] as const) {
      for (let length = 0; length < whole.length; length += 1) {
        expect(() => decode(whole.subarray(0, length)), `${length} bytes`).toThrow(
          expect.objectContaining({ code: 'ERR_IPMI_PROTOCOL' }),
        );
      }
    }
  });

  it('any byte changed -> ERR_IPMI_PROTOCOL: both checksums are checked', () => {
    for (const [whole, decode] of [
      [request, decodeIpmiRequest],
      [response, decodeIpmiResponse],
    ] as const) {
      for (let index = 0; index < whole.length; index += 1) {
        const changed = Uint8Array.from(whole);
        changed[index] = (changed[index] as number) ^ 0x01;
        expect(() => decode(changed), `byte ${index}`).toThrow(expect.objectContaining({ code: 'ERR_IPMI_PROTOCOL' }));
      }
    }
  });

  it('a request where a response belongs, and the reverse -> ERR_IPMI_PROTOCOL', () => {
    expect(() => decodeIpmiResponse(request)).toThrow(/network function is that of a request/);
    expect(() => decodeIpmiRequest(bytesOf('20 1c c4 20 04 38 00 01 a3'))).toThrow(
      /network function is that of a response/,
    );
  });
});
