// What every IPMI command file provides: its number and the codec of both directions. Sends nothing.

/** Network function codes of requests; a response carries the next odd number. Source: IPMI v2.0 section 5.1. */
export const NET_FN = {
  chassis: 0x00,
  sensor: 0x04,
  app: 0x06,
  storage: 0x0a,
  /** The first byte of request and response names the group: DCh for DCMI. */
  groupExtension: 0x2c,
} as const;

/**
 * One command and both of its directions: the remote console encodes requests and decodes responses, the simulated BMC
 * does the reverse. `Response` is what follows the completion code 00h. Decoders throw ERR_IPMI_PROTOCOL on bodies that
 * are too short or hold a reserved value that cannot be read.
 */
export interface IpmiCommand<Request, Response> {
  /** The name the specification gives it, for errors and logs. */
  readonly name: string;
  /** Even network function code of the request. */
  readonly netFn: number;
  readonly code: number;
  /** The command's own completion codes (80h to BEh) in words, where it has any. */
  readonly completionWords?: Readonly<Record<number, string>>;
  /** True where asking twice is not the same as asking once: then it is not asked again after an answer that leaves open whether it acted. */
  readonly acts?: true;
  encodeRequest(request: Request): Uint8Array;
  decodeRequest(body: Uint8Array): Request;
  encodeResponse(response: Response): Uint8Array;
  decodeResponse(body: Uint8Array): Response;
}

/** The body of requests and responses that carry nothing. */
export const NO_BODY = new Uint8Array(0);
