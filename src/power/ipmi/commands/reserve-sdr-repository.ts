// Reserve SDR Repository: a number that partial reads carry, so that records cannot change in between unseen.
import { ByteReader, u16Bytes } from '../byte-reader.ts';
import { type IpmiCommand, NET_FN, NO_BODY } from '../command.ts';

/** Request: empty. Response: the reservation id, 2 bytes. Source: IPMI v2.0 section 33.11. */
export const RESERVE_SDR_REPOSITORY: IpmiCommand<void, number> = {
  name: 'Reserve SDR Repository',
  netFn: NET_FN.storage,
  code: 0x22,
  encodeRequest: () => NO_BODY,
  decodeRequest: () => undefined,
  encodeResponse: (reservationId) => u16Bytes(reservationId),
  decodeResponse: (body) => new ByteReader(body, 'Reserve SDR Repository response').u16(),
};
