// IP addresses and networks as bytes: reading them, and telling whether one lies in the other. Names are resolved elsewhere.

/** A network: the bytes of its lowest address (4 or 16 of them), and how many leading bits its members share. */
export interface IpNetwork {
  readonly bytes: Uint8Array;
  readonly prefixBits: number;
}

const IPV4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;
const IPV6_GROUPS = 8;
const HEX_GROUP = /^[0-9a-f]{1,4}$/i;
/** ::ffff:0:0/96, the IPv4-mapped addresses. Source: RFC 4291 section 2.5.5.2. */
const MAPPED_PREFIX = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/**
 * The bytes of an address, 4 or 16; an IPv4-mapped IPv6 address, as dual-stack sockets show IPv4 clients, is its IPv4
 * address, and an IPv6 zone (`%eth0`) is left out. null where the text is no address. Source: RFC 4291 section 2.2.
 */
export function parseIp(text: string): Uint8Array | null {
  const four = parseIpv4(text);
  if (four !== null) return four;
  const sixteen = parseIpv6(text.split('%')[0] as string);
  if (sixteen === null) return null;
  return MAPPED_PREFIX.every((byte, index) => sixteen[index] === byte) ? sixteen.slice(MAPPED_PREFIX.length) : sixteen;
}

/** Whether an address lies in a network. Never where one is IPv4 and the other IPv6. */
export function containsIp(network: IpNetwork, address: Uint8Array): boolean {
  if (network.bytes.length !== address.length) return false;
  const masked = maskIp(address, network.prefixBits);
  return masked.every((byte, index) => byte === network.bytes[index]);
}

/** Whether the text is an address in one of the networks. */
export function containsAddress(networks: readonly IpNetwork[], text: string): boolean {
  const bytes = parseIp(text);
  return bytes !== null && networks.some((network) => containsIp(network, bytes));
}

/** The address with all bits but the first `prefixBits` cleared. */
export function maskIp(address: Uint8Array, prefixBits: number): Uint8Array {
  return address.map((byte, index) => {
    const bits = Math.min(8, Math.max(0, prefixBits - index * 8));
    return byte & (0xff << (8 - bits)) & 0xff;
  });
}

/** As people write it: `10.0.0.0`, or eight groups of an IPv6 address without leading zeros. */
export function formatIp(address: Uint8Array): string {
  if (address.length === 4) return address.join('.');
  const groups = Array.from({ length: IPV6_GROUPS }, (_, index) => groupAt(address, index));
  const zeros = longestZeros(groups);
  const hex = (part: readonly number[]) => part.map((group) => group.toString(16)).join(':');
  if (zeros.length < 2) return hex(groups);
  return `${hex(groups.slice(0, zeros.start))}::${hex(groups.slice(zeros.start + zeros.length))}`;
}

function parseIpv4(text: string): Uint8Array | null {
  const match = IPV4.exec(text);
  if (match === null) return null;
  const parts = match.slice(1);
  // A leading zero means octal to some programs and decimal to others: it is no address here.
  if (parts.some((part) => Number(part) > 255 || (part.length > 1 && part.startsWith('0')))) return null;
  return Uint8Array.from(parts, Number);
}

function parseIpv6(text: string): Uint8Array | null {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const head = readGroups(halves[0] as string, halves.length === 1);
  const tail = halves.length === 1 ? [] : readGroups(halves[1] as string, true);
  if (head === null || tail === null) return null;
  const missing = IPV6_GROUPS - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return null;
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

/** The groups of one side of `::`; the last of the address may be an IPv4 address and stands for two. */
function readGroups(text: string, isLast: boolean): number[] | null {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    const four = isLast && index === parts.length - 1 ? parseIpv4(part) : null;
    if (four !== null) groups.push(groupAt(four, 0), groupAt(four, 1));
    else if (HEX_GROUP.test(part)) groups.push(Number.parseInt(part, 16));
    else return null;
  }
  return groups;
}

function groupAt(bytes: Uint8Array, index: number): number {
  return ((bytes[index * 2] as number) << 8) | (bytes[index * 2 + 1] as number);
}

/** The first of the longest runs of zero groups, which `::` stands for. Source: RFC 5952 section 4.2. */
function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start += 1) {
    let length = 0;
    while (groups[start + length] === 0) length += 1;
    if (length > best.length) best = { start, length };
  }
  return best;
}
