// Reserve SEL: a number that partial reads carry, so that a record cannot change in between unseen.
import { ByteReader, u16Bytes } from '../byte-reader.ts';
import { type IpmiCommand, NET_FN, NO_BODY } from '../command.ts';

/** Request: empty. Response: the reservation id, 2 bytes. Source: IPMI v2.0 section 31.4. */
export const RESERVE_SEL: IpmiCommand<void, number> = {
  name: 'Reserve SEL',
  netFn: NET_FN.storage,
  code: 0x42,
  completionWords: { 129: 'the log is being erased' },
  encodeRequest: () => NO_BODY,
  decodeRequest: () => undefined,
  encodeResponse: (reservationId) => u16Bytes(reservationId),
  decodeResponse: (body) => new ByteReader(body, 'Reserve SEL response').u16(),
};
