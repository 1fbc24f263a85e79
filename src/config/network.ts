// Reads an IP network as people write it: `10.0.0.0/8`, `2001:db8::/32`, or one address. What it is used for is its caller's.
import { TorporError } from '../platform/errors.ts';
import { formatIp, type IpNetwork, maskIp, parseIp } from '../platform/ip-network.ts';

/**
 * Reads a network in CIDR notation, or a single address as a network of one. Throws ERR_CONFIG_INVALID where the text is none, or
 * where bits are set beyond the prefix: then it is not clear what was meant. Source: RFC 4632 section 3.1, RFC 4291 section 2.3.
 */
export function parseNetwork(text: string): IpNetwork {
  const [host = '', prefix, ...more] = text.trim().split('/');
  const address = parseIp(host);
  if (address === null || more.length > 0) throw invalid(text, 'write a network such as 10.0.0.0/8 or 2001:db8::/32');
  const mostBits = address.length * 8;
  if (prefix === undefined) return { bytes: address, prefixBits: mostBits };
  const prefixBits = /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
  // An IPv4-mapped IPv6 network counts its bits from the front of all 128.
  if (host.includes(':') && mostBits === 32) throw invalid(text, 'write the IPv4 network itself, such as 10.0.0.0/8');
  if (!(prefixBits <= mostBits)) throw invalid(text, `the prefix is 0 to ${mostBits} bits`);
  const bytes = maskIp(address, prefixBits);
  if (!Buffer.from(bytes).equals(Buffer.from(address))) {
    const network = `${formatIp(bytes)}/${prefixBits}`;
    throw invalid(
      text,
      `it has bits beyond its prefix: write ${network} for that network, or ${host} for the one address`,
    );
  }
  return { bytes, prefixBits };
}

function invalid(text: string, advice: string): TorporError {
  return new TorporError('ERR_CONFIG_INVALID', `"${text}" is no network: ${advice}`);
}
