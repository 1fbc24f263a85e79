// Torpor's own records in a BMC's system event log (SEL): 16 bytes each, bit by bit as docs/bmc-log.md has them. Who writes when is sel-recorder.ts.
import { isIPv4 } from 'node:net';
import { concatBytes } from './byte-reader.ts';
import { decodeSelRecord, type SelRecord } from './sel-record.ts';

/** Record type: OEM with time stamp; "T" (54h) with bit 7 set. */
export const TORPOR_RECORD_TYPE = 0xd4;
/** "Unspecified": Torpor has no IANA enterprise number, and uses nobody else's. Source: IPMI v2.0 section 20.1. */
const NO_MANUFACTURER = 0x00_0000;
/** "T", by which Torpor's records are told from other OEM records of this type. */
const SIGNATURE = 0x54;
const FORMAT_VERSION = 1;
/** One byte counts up to here and then says "as many or more". */
const MAX_COUNT = 0xff;

/** By number, the states a platform can be in; 0 is one that this version does not know. Numbers are never reused. */
const STATES = [
  'unknown',
  'starting',
  'awake',
  'drowsy',
  'saving',
  'suspending',
  'asleep',
  'waking',
  'failed',
  'maintenance',
] as const;

const KIND = { transition: 1, enteredV4: 2, leftV4: 3, enteredV6: 4, leftV6: 5 } as const;

/** A platform went from one state to another. */
export interface TransitionRecord {
  readonly kind: 'transition';
  readonly from: string;
  readonly to: string;
  /** Clients in the active pool; 255 is as many or more. */
  readonly pool: number;
  /** Records that were left out since the last one; 255 is as many or more. */
  readonly leftOut: number;
}

/** A client entered the active pool, or left it. */
export interface ClientRecord {
  readonly kind: 'client-entered' | 'client-left';
  /** An IPv4 address; `ipv6 #1a2b3c4d` where it was an IPv6 address, of which only a hash has room. */
  readonly client: string;
}

export type TorporRecord = TransitionRecord | ClientRecord;

/** The record as Add SEL Entry takes it: the BMC puts in record id and time. `client` may be any IP address. */
export function encodeTorporRecord(record: TorporRecord): Uint8Array {
  return concatBytes(
    Uint8Array.of(0, 0, TORPOR_RECORD_TYPE, 0, 0, 0, 0),
    Uint8Array.of(NO_MANUFACTURER & 0xff, (NO_MANUFACTURER >> 8) & 0xff, NO_MANUFACTURER >> 16, SIGNATURE),
    record.kind === 'transition' ? encodeTransition(record) : encodeClient(record),
  );
}

function headByte(kind: number): number {
  return (FORMAT_VERSION << 4) | kind;
}

function encodeTransition({ from, to, pool, leftOut }: TransitionRecord): Uint8Array {
  const states = (stateNumber(from) << 4) | stateNumber(to);
  return Uint8Array.of(headByte(KIND.transition), states, Math.min(pool, MAX_COUNT), Math.min(leftOut, MAX_COUNT), 0);
}

function encodeClient({ kind, client }: ClientRecord): Uint8Array {
  const entered = kind === 'client-entered';
  if (isIPv4(client)) {
    const head = headByte(entered ? KIND.enteredV4 : KIND.leftV4);
    return Uint8Array.of(head, ...client.split('.').map(Number));
  }
  const hash = fnv1a(client.toLowerCase());
  const head = headByte(entered ? KIND.enteredV6 : KIND.leftV6);
  return Uint8Array.of(head, hash >>> 24, (hash >>> 16) & 0xff, (hash >>> 8) & 0xff, hash & 0xff);
}

function stateNumber(state: string): number {
  return Math.max(0, (STATES as readonly string[]).indexOf(state));
}

/** 32-bit FNV-1a over the text's bytes: tells clients apart, and gives no address away. */
function fnv1a(text: string): number {
  let hash = 0x811c_9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x0100_0193) >>> 0;
  return hash;
}

/** Torpor's record in an entry of the log; null where it is somebody else's, or of a later format. */
export function torporRecordOf(entry: SelRecord): TorporRecord | null {
  if (entry.kind !== 'oem' || entry.recordType !== TORPOR_RECORD_TYPE) return null;
  if (entry.manufacturerId !== NO_MANUFACTURER) return null;
  const [signature, head, a, b, c, d] = [...entry.data] as [number, number, number, number, number, number];
  if (signature !== SIGNATURE || head >> 4 !== FORMAT_VERSION) return null;
  switch (head & 0x0f) {
    case KIND.transition:
      return { kind: 'transition', from: stateName(a >> 4), to: stateName(a & 0x0f), pool: b, leftOut: c };
    case KIND.enteredV4:
      return { kind: 'client-entered', client: [a, b, c, d].join('.') };
    case KIND.leftV4:
      return { kind: 'client-left', client: [a, b, c, d].join('.') };
    case KIND.enteredV6:
      return { kind: 'client-entered', client: hashWords(a, b, c, d) };
    case KIND.leftV6:
      return { kind: 'client-left', client: hashWords(a, b, c, d) };
    default:
      return null;
  }
}

function stateName(number: number): string {
  return STATES[number] ?? 'unknown';
}

function hashWords(...bytes: readonly number[]): string {
  return `ipv6 #${Buffer.from(bytes).toString('hex')}`;
}

/** For people: `Torpor: awake -> drowsy, nobody active`. */
export function describeTorporRecord(record: TorporRecord): string {
  if (record.kind !== 'transition') {
    const verb = record.kind === 'client-entered' ? 'became active' : 'left the active pool';
    return `Torpor: client ${record.client} ${verb}`;
  }
  const { from, to, pool, leftOut } = record;
  const active = pool === 0 ? 'nobody active' : `${countWords(pool)} active`;
  const gap = leftOut === 0 ? '' : `; ${countWords(leftOut)} records before it were left out`;
  return `Torpor: ${from} -> ${to}, ${active}${gap}`;
}

function countWords(count: number): string {
  return count >= MAX_COUNT ? `${MAX_COUNT} or more` : String(count);
}

/** As above, from the 16 bytes. */
export function decodeTorporRecord(bytes: Uint8Array): TorporRecord | null {
  return torporRecordOf(decodeSelRecord(bytes));
}
