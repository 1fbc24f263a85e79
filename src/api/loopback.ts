// Which hosts are this machine's loopback. Anything else is the network, which is served with tokens only.
import { isIP } from 'node:net';

/** 127.0.0.0/8, `::1` or `localhost`; IPv6 with or without brackets. */
export function isLoopback(host: string): boolean {
  const plain = withoutBrackets(host).toLowerCase();
  return plain === 'localhost' || plain === '::1' || (isIP(plain) === 4 && plain.startsWith('127.'));
}

/** `[::1]` as `::1`; everything else as it is. */
export function withoutBrackets(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}
