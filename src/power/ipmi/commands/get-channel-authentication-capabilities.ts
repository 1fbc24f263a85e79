// Get Channel Authentication Capabilities: the question before every session, answered without one.
import { ByteReader } from '../byte-reader.ts';
import { type IpmiCommand, NET_FN } from '../command.ts';

/** "The channel this request came in on". Source: IPMI v2.0 section 22.13. */
export const PRESENT_CHANNEL = 0x0e;

/** Request: channel with "v2.0 data wanted" in bit 7, and the privilege level that will be asked for. */
export interface AuthenticationCapabilitiesRequest {
  readonly channel: number;
  readonly wantsV2: boolean;
  readonly privilege: number;
}

/** Source: IPMI v2.0 table 22-15. Login flags other than K[G]'s are not used. */
export interface AuthenticationCapabilities {
  readonly channel: number;
  /** True where the channel takes RMCP+ sessions. */
  readonly supportsV2: boolean;
  /** True where a K[G] other than zero is set: a password alone does not open a session ("two-key login"). */
  readonly needsKg: boolean;
}

/** Response: 8 bytes. `supportsV2` needs bit 7 of byte 2 (extended capabilities are there) and bit 1 of byte 4. */
export const GET_CHANNEL_AUTHENTICATION_CAPABILITIES: IpmiCommand<
  AuthenticationCapabilitiesRequest,
  AuthenticationCapabilities
> = {
  name: 'Get Channel Authentication Capabilities',
  netFn: NET_FN.app,
  code: 0x38,
  encodeRequest: ({ channel, wantsV2, privilege }) =>
    Uint8Array.of((wantsV2 ? 0x80 : 0) | (channel & 0x0f), privilege & 0x0f),
  decodeRequest: (body) => {
    const reader = new ByteReader(body, 'Get Channel Authentication Capabilities request');
    const channel = reader.u8();
    return { channel: channel & 0x0f, wantsV2: (channel & 0x80) !== 0, privilege: reader.u8() & 0x0f };
  },
  // Byte 2 without v1.5 authentication types: sessions of v1.5 are not offered. Byte 3 bit 2: non-null user names.
  encodeResponse: ({ channel, supportsV2, needsKg }) =>
    Uint8Array.of(channel, supportsV2 ? 0x80 : 0, (needsKg ? 0x20 : 0) | 0x04, supportsV2 ? 0x02 : 0, 0, 0, 0, 0),
  decodeResponse: (body) => {
    const reader = new ByteReader(body, 'Get Channel Authentication Capabilities response');
    const channel = reader.u8();
    const types = reader.u8();
    const status = reader.u8();
    const extended = reader.u8();
    reader.skip(4);
    const supportsV2 = (types & 0x80) !== 0 && (extended & 0x02) !== 0;
    return { channel, supportsV2, needsKg: supportsV2 && (status & 0x20) !== 0 };
  },
};
