// Set Session Privilege Level: a session starts as user and is raised to what RAKP granted at most.
import { ByteReader } from '../byte-reader.ts';
import { type IpmiCommand, NET_FN } from '../command.ts';

/** Request and response: 1 byte, bits 3:0 the level; 0 asks for the present one. Source: IPMI v2.0 section 22.18. */
export const SET_SESSION_PRIVILEGE_LEVEL: IpmiCommand<number, number> = {
  name: 'Set Session Privilege Level',
  netFn: NET_FN.app,
  code: 0x3b,
  completionWords: {
    128: 'this level is not available to this user',
    129: "this level exceeds the user's or the channel's limit",
    130: 'user level authentication cannot be disabled',
  },
  encodeRequest: (level) => Uint8Array.of(level & 0x0f),
  decodeRequest: (body) => new ByteReader(body, 'Set Session Privilege Level request').u8() & 0x0f,
  encodeResponse: (level) => Uint8Array.of(level & 0x0f),
  decodeResponse: (body) => new ByteReader(body, 'Set Session Privilege Level response').u8() & 0x0f,
};
