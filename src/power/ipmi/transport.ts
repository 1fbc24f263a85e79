// The port between a BMC session and the network: packets out, packets in. Knows nothing of IPMI.
import type { TorporError } from '../../platform/errors.ts';

/** What a transport reports. Both may be called at any time between opening and `close`. */
export interface TransportListener {
  packet(bytes: Uint8Array): void;
  /** The network says that the peer cannot be reached (ICMP refused, no route). The transport stays usable. */
  failure(error: TorporError): void;
}

/** One connected datagram path to one BMC. Datagrams may be lost, doubled, reordered and late. */
export interface BmcTransport {
  /** Sends one datagram. Never throws: what goes wrong is reported as a failure. */
  send(bytes: Uint8Array): void;
  /** Ends the path; nothing is reported afterwards. Idempotent. */
  close(): Promise<void>;
}

/** Opens a path. Rejects with ERR_IPMI_UNREACHABLE where the name cannot be resolved or no socket can be had. */
export type OpenTransport = (listener: TransportListener) => Promise<BmcTransport>;
