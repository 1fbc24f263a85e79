// Get DCMI Capabilities Info: whether the BMC speaks DCMI, the data centre's extension of IPMI, and whether it measures power.
import { ByteReader, concatBytes } from '../byte-reader.ts';
import { type IpmiCommand, NET_FN } from '../command.ts';

/** First byte of every DCMI request and response. Source: DCMI v1.5 section 6. */
export const DCMI_GROUP = 0xdc;
/** The parameter that says what is supported; 2 to 5 hold attributes that Torpor's client has no use for. */
export const SUPPORTED_CAPABILITIES = 1;

/** Source: DCMI v1.5 section 6.1.1. */
export interface DcmiCapabilities {
  /** "1.5". Two bytes on the wire, major and minor. */
  readonly version: string;
  readonly parameterRevision: number;
  /** The parameter's own bytes. */
  readonly data: Uint8Array;
}

/** True where the data of parameter 1 says that power can be read: bit 0 of its second byte. */
export function supportsPowerManagement({ data }: DcmiCapabilities): boolean {
  return ((data[1] ?? 0) & 0x01) !== 0;
}

/** Takes the group's byte off a request or a response; throws ERR_IPMI_PROTOCOL where it is another group's. */
export function readDcmiGroup(reader: ByteReader): void {
  const group = reader.u8();
  if (group !== DCMI_GROUP) reader.refuse(`group ${group} is not DCMI`);
}

/**
 * Request: group, parameter selector. Response: group, major and minor version, parameter revision, data. Answered with and
 * without a session. Deviation: BMCs without DCMI answer C1h, some CCh.
 */
export const GET_DCMI_CAPABILITIES: IpmiCommand<number, DcmiCapabilities> = {
  name: 'Get DCMI Capabilities Info',
  netFn: NET_FN.groupExtension,
  code: 0x01,
  encodeRequest: (parameter) => Uint8Array.of(DCMI_GROUP, parameter),
  decodeRequest: (body) => {
    const reader = new ByteReader(body, 'Get DCMI Capabilities Info request');
    readDcmiGroup(reader);
    return reader.u8();
  },
  encodeResponse: ({ version, parameterRevision, data }) => {
    const [major, minor] = version.split('.').map(Number) as [number, number];
    return concatBytes(Uint8Array.of(DCMI_GROUP, major, minor, parameterRevision), data);
  },
  decodeResponse: (body) => {
    const reader = new ByteReader(body, 'Get DCMI Capabilities Info response');
    readDcmiGroup(reader);
    const version = `${reader.u8()}.${reader.u8()}`;
    return { version, parameterRevision: reader.u8(), data: reader.rest() };
  },
};
