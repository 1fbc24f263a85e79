// How a spooled job stands in its file: a head in a frame that LZ4 decoders skip, then the job as one LZ4 frame. Reads and writes nothing.
import type { ConnectionEnds } from '../proxy-header.ts';

/** The frame of the job begins here. `lz4 -d` restores the job from the file as it is. */
export const HEAD_BYTES = 512;
/** LZ4 Frame Format Description, "Skippable Frames": magic number, size, both 4 bytes little-endian. */
const SKIPPABLE_MAGIC = 0x184d2a50;
const SKIPPABLE_HEADER_BYTES = 8;
const TEXT_BYTES = HEAD_BYTES - SKIPPABLE_HEADER_BYTES;
const VERSION = 1;

/** Of a job that came by IPP: its content is the HTTP request that prints it. What is longer than there is room for is cut. */
export interface IppJobFacts {
  readonly path: string;
  readonly name: string;
  readonly user: string;
}

/** What is known of a job that is safe. */
export interface JobHead {
  readonly arrivedAtMs: number;
  /** Its client had sent all of it. */
  readonly endedAtMs: number;
  readonly contentBytes: number;
  /** Of the whole file, this head included. */
  readonly fileBytes: number;
  /** `host:port`. */
  readonly client: string;
  /** What its target is told of the client; null: nothing, or that nobody is known. */
  readonly ends: ConnectionEnds | null;
  /** Not there: it is sent as its bytes are. */
  readonly ipp?: IppJobFacts;
}

/** Where addresses take their place the name is left out, which is for people only, and then the user, who might cancel it. */
export function encodeHead(head: JobHead): Uint8Array {
  const { ipp } = head;
  const shorter =
    ipp === undefined
      ? []
      : [
          { ...ipp, name: '' },
          { ...ipp, name: '', user: '' },
        ];
  const texts = [head, ...shorter.map((facts) => ({ ...head, ipp: facts }))].map(textOf);
  const text = texts.find(({ length }) => length <= TEXT_BYTES) ?? (texts.at(-1) as Uint8Array);
  const bytes = new Uint8Array(HEAD_BYTES).fill(0x20);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, SKIPPABLE_MAGIC, true);
  view.setUint32(4, HEAD_BYTES - SKIPPABLE_HEADER_BYTES, true);
  bytes.set(text, SKIPPABLE_HEADER_BYTES);
  return bytes;
}

function textOf(head: JobHead): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ version: VERSION, ...head }));
}

/** null: it is none of ours, or damaged. */
export function decodeHead(bytes: Uint8Array): JobHead | null {
  if (bytes.length < HEAD_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEAD_BYTES);
  if (view.getUint32(0, true) !== SKIPPABLE_MAGIC || view.getUint32(4, true) !== HEAD_BYTES - SKIPPABLE_HEADER_BYTES)
    return null;
  try {
    const { version, ...head } = JSON.parse(
      new TextDecoder().decode(bytes.subarray(SKIPPABLE_HEADER_BYTES, HEAD_BYTES)),
    ) as JobHead & { version: unknown };
    const numbers = [head.arrivedAtMs, head.endedAtMs, head.contentBytes, head.fileBytes];
    return version === VERSION && numbers.every(Number.isFinite) && typeof head.client === 'string' ? head : null;
  } catch {
    return null;
  }
}
