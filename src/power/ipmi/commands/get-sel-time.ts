// Get SEL Time: what the BMC's clock says, by which it stamps its log.
import { ByteReader, u32Bytes } from '../byte-reader.ts';
import { type IpmiCommand, NET_FN, NO_BODY } from '../command.ts';

/**
 * Request: empty. Response: seconds since 1970, 4 bytes. Source: IPMI v2.0 section 31.10. Deviation: most BMCs keep local time,
 * or count from their own start (values below 20000000h, section 37) until something sets them.
 */
export const GET_SEL_TIME: IpmiCommand<void, number> = {
  name: 'Get SEL Time',
  netFn: NET_FN.storage,
  code: 0x48,
  encodeRequest: () => NO_BODY,
  decodeRequest: () => undefined,
  encodeResponse: (seconds) => u32Bytes(seconds),
  decodeResponse: (body) => new ByteReader(body, 'Get SEL Time response').u32(),
};
