// Get System GUID: 16 bytes that name the managed system, answered with and without a session.
import { ByteReader } from '../byte-reader.ts';
import { type IpmiCommand, NET_FN, NO_BODY } from '../command.ts';

/** Request: empty. Response: 16 bytes, least significant byte of the node first. Source: IPMI v2.0 section 22.14. */
export const GET_SYSTEM_GUID: IpmiCommand<void, Uint8Array> = {
  name: 'Get System GUID',
  netFn: NET_FN.app,
  code: 0x37,
  encodeRequest: () => NO_BODY,
  decodeRequest: () => undefined,
  encodeResponse: (guid) => guid,
  decodeResponse: (body) => new ByteReader(body, 'Get System GUID response').take(16),
};
