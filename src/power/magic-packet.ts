// The bytes that a sleeping network card looks for. Where they are sent is wake-on-lan.ts's.
import { TorporError } from '../platform/errors.ts';

const MAC_BYTES = 6;
const SYNC_BYTES = 6;
const REPETITIONS = 16;

/**
 * Magic packet: six bytes FFh, then the card's MAC address sixteen times, then the SecureOn password, if any, of four or six
 * bytes: 102, 106 or 108 bytes. It may stand anywhere in a frame; we send it as a UDP payload.
 * Source: AMD, Magic Packet Technology (publication 20213, rev. A), section 2; SecureOn as etherwake and Wireshark read it.
 * Throws ERR_CONFIG_INVALID, which never shows the password, where either is none.
 */
export function encodeMagicPacket(mac: string, password: string | null): Uint8Array {
  const address = hexBytes(mac);
  if (address === null) throw new TorporError('ERR_CONFIG_INVALID', `"${mac}" is no MAC address`);
  const secret = password === null ? new Uint8Array() : secureOnBytes(password);
  const packet = new Uint8Array(SYNC_BYTES + REPETITIONS * MAC_BYTES + secret.length).fill(0xff, 0, SYNC_BYTES);
  for (let i = 0; i < REPETITIONS; i += 1) packet.set(address, SYNC_BYTES + i * MAC_BYTES);
  packet.set(secret, SYNC_BYTES + REPETITIONS * MAC_BYTES);
  return packet;
}

/** Six bytes written like a MAC address, or four like an IPv4 address. */
function secureOnBytes(password: string): Uint8Array {
  const six = hexBytes(password);
  if (six !== null) return six;
  const four = password.split('.').map(Number);
  const fits = four.length === 4 && four.every((byte) => Number.isInteger(byte) && byte >= 0 && byte <= 255);
  if (fits) return Uint8Array.from(four);
  const forms = 'write it like 00:11:22:33:44:55, or like 192.168.1.1';
  throw new TorporError('ERR_CONFIG_INVALID', `the SecureOn password is none: ${forms}`);
}

function hexBytes(text: string): Uint8Array | null {
  const parts = text.split(/[:-]/);
  if (parts.length !== MAC_BYTES || !parts.every((part) => /^[0-9A-Fa-f]{2}$/.test(part))) return null;
  return Uint8Array.from(parts, (part) => Number.parseInt(part, 16));
}
