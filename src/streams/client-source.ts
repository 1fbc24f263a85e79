// Who counts as one source of clients: an IPv4 address, or the network of an IPv6 address.
import { formatIp, maskIp, parseIp } from '../platform/ip-network.ts';

/** An IPv6 client has 2^64 addresses to choose from: its network is its source. Source: RFC 4291 section 2.5.4. */
const IPV6_SOURCE_BITS = 64;

const MAPPED = '::ffff:';

/** As people know it: an IPv4 client of a listener for both families by its IPv4 address. */
export function plainAddress(address: string): string {
  return address.startsWith(MAPPED) && address.includes('.') ? address.slice(MAPPED.length) : address;
}

/** An address that cannot be read shares its source with all such. */
export function sourceOf(address: string): string {
  // As sockets show IPv4 clients, by far the most: nothing to be reckoned.
  if (!address.includes(':') && address !== '') return address;
  const bytes = parseIp(address);
  if (bytes === null) return 'unknown';
  return bytes.length === 4 ? formatIp(bytes) : formatIp(maskIp(bytes, IPV6_SOURCE_BITS));
}
