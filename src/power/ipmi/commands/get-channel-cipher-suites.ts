// Get Channel Cipher Suites: what a BMC offers, in pieces of 16 bytes, answered without a session.
import { ByteReader, concatBytes } from '../byte-reader.ts';
import { type IpmiCommand, NET_FN } from '../command.ts';

/** Bytes of record data in every response but the last. Source: IPMI v2.0 section 22.15. */
export const CIPHER_SUITE_CHUNK_BYTES = 16;
/** List indexes are 6 bits wide: no list is longer than this many chunks. */
export const MAX_CIPHER_SUITE_CHUNKS = 64;

const RECORD_STANDARD = 0xc0;
const RECORD_OEM = 0xc1;

/** `index` counts chunks. The list is asked for by cipher suite (bit 7), for IPMI payloads. */
export interface CipherSuitesRequest {
  readonly channel: number;
  readonly index: number;
}

/** One chunk of the list; shorter than 16 bytes ends it. */
export interface CipherSuitesChunk {
  readonly channel: number;
  readonly records: Uint8Array;
}

export const GET_CHANNEL_CIPHER_SUITES: IpmiCommand<CipherSuitesRequest, CipherSuitesChunk> = {
  name: 'Get Channel Cipher Suites',
  netFn: NET_FN.app,
  code: 0x54,
  encodeRequest: ({ channel, index }) => Uint8Array.of(channel & 0x0f, 0x00, 0x80 | (index & 0x3f)),
  decodeRequest: (body) => {
    const reader = new ByteReader(body, 'Get Channel Cipher Suites request');
    const channel = reader.u8() & 0x0f;
    reader.skip(1);
    return { channel, index: reader.u8() & 0x3f };
  },
  encodeResponse: ({ channel, records }) => concatBytes(Uint8Array.of(channel), records),
  decodeResponse: (body) => {
    const reader = new ByteReader(body, 'Get Channel Cipher Suites response');
    return { channel: reader.u8(), records: reader.take(Math.min(reader.remaining, CIPHER_SUITE_CHUNK_BYTES)) };
  },
};

/** One standard record: C0h, suite id, and its three algorithms with their tags 00, 01 and 10 in bits 7:6. */
export function encodeCipherSuiteRecord(suite: {
  readonly id: number;
  readonly authenticationAlgorithm: number;
  readonly integrityAlgorithm: number;
  readonly confidentialityAlgorithm: number;
}): Uint8Array {
  return Uint8Array.of(
    RECORD_STANDARD,
    suite.id,
    suite.authenticationAlgorithm,
    0x40 | suite.integrityAlgorithm,
    0x80 | suite.confidentialityAlgorithm,
  );
}

/** The ids of the standard suites in joined chunks. OEM records are skipped; what follows a broken record is not read. */
export function cipherSuiteIds(records: Uint8Array): number[] {
  const ids: number[] = [];
  let offset = 0;
  while (offset + 1 < records.length) {
    const start = records[offset];
    if (start !== RECORD_STANDARD && start !== RECORD_OEM) break;
    if (start === RECORD_STANDARD) ids.push(records[offset + 1] as number);
    offset += start === RECORD_STANDARD ? 2 : 5;
    while (offset < records.length && (records[offset] as number) < RECORD_STANDARD) offset += 1;
  }
  return ids;
}
