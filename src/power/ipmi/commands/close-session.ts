// Close Session: gives the BMC its session slot back.
import { ByteReader, u32Bytes } from '../byte-reader.ts';
import { type IpmiCommand, NET_FN, NO_BODY } from '../command.ts';

/** Request: the managed system's session id, 4 bytes. Response: empty. Source: IPMI v2.0 section 22.19. */
export const CLOSE_SESSION: IpmiCommand<number, void> = {
  name: 'Close Session',
  netFn: NET_FN.app,
  code: 0x3c,
  completionWords: { 135: 'invalid session id', 136: 'invalid session handle' },
  encodeRequest: (sessionId) => u32Bytes(sessionId),
  decodeRequest: (body) => new ByteReader(body, 'Close Session request').u32(),
  encodeResponse: () => NO_BODY,
  decodeResponse: () => undefined,
};
