// The pings of a WebSocket that passes through a listener: cut out of what is held for a sleeper, and answered in its place. Writes nothing.
import { CONTROL_MAX_BYTES, FrameCursor } from './frame-cursor.ts';
import { UpgradeHead } from './upgrade-head.ts';

/** FIN and the opcode, without RSV: of what an extension did with a ping only its two ends know. Source: RFC 6455 section 5.2. */
const PING = 0x89;
const PONG = 0x8a;
const MASK_AT = 2;
const PAYLOAD_AT = 6;
const PING_MAX_BYTES = PAYLOAD_AT + CONTROL_MAX_BYTES;

/** What becomes of bytes that came while the VM must not be sent to. */
export interface HeldPart {
  /** To hold: the very chunk where nothing was cut out of it, else a copy. Empty: nothing. */
  readonly held: Buffer;
  /** To send to the client now: whole frames. */
  readonly pongs: Buffer;
}

const NO_BYTES = Buffer.alloc(0);

/**
 * One connection, from its first byte on: everything that either side says must be shown here, in the order in which the other side gets it.
 * A ping is answered only where it began while its VM was held, came whole, and a Pong fits between two frames of the server's. Any
 * doubt leaves it among the bytes that are held, in its place.
 */
export class WebSocketPings {
  readonly #request = UpgradeHead.ofClient();
  readonly #answer = UpgradeHead.ofServer();
  readonly #client = new FrameCursor('client');
  readonly #server = new FrameCursor('server');
  /** A ping of which the end is to come: in no hold yet. */
  #begun: Buffer | null = null;
  #begunBytes = 0;

  /** It is no WebSocket, or not certain any more: nothing will be cut out again, and nothing is kept here. */
  get isOver(): boolean {
    if (this.#request.state === 'other' || this.#answer.state === 'other') return true;
    return this.#begun === null && (this.#client.isOver || this.#server.isOver);
  }

  /** The client's bytes go, or wait to go, to a VM that runs. */
  followClient(chunk: Buffer): void {
    const frames = this.#request.read(chunk);
    if (this.#request.state === 'right') this.#client.follow(frames);
  }

  /** The server's bytes go to the client. */
  followServer(chunk: Buffer): void {
    // An answer to what was not asked yet is none.
    if (this.#request.state !== 'right') this.#answer.giveUp();
    const frames = this.#answer.read(chunk);
    if (this.#answer.state === 'right') this.#server.follow(frames);
  }

  /** The client's bytes came while its VM is held. `takesPongs`: what is written to the client now leaves at once. */
  hold(chunk: Buffer, takesPongs: boolean): HeldPart {
    if (this.#answer.state !== 'right') {
      this.followClient(chunk);
      return { held: chunk, pongs: NO_BYTES };
    }
    const held: Buffer[] = [];
    const pongs: Buffer[] = [];
    let keptFrom = 0;
    for (let at = 0; at < chunk.length; ) {
      if (this.#client.isBetweenFrames && chunk[at] === PING) {
        held.push(chunk.subarray(keptFrom, at));
        this.#begun = Buffer.alloc(PING_MAX_BYTES);
        this.#begunBytes = 0;
      }
      const end = this.#client.advance(chunk, at);
      if (this.#begun !== null) {
        keptFrom = this.#gather(chunk.subarray(at, end)) ? end : at;
        const ping = this.#client.isOver || this.#client.isBetweenFrames ? this.takeBegun() : null;
        if (ping !== null) this.#place(ping, takesPongs, held, pongs);
      }
      at = end;
    }
    return { held: joined(held, chunk, keptFrom), pongs: pongs.length === 0 ? NO_BYTES : Buffer.concat(pongs) };
  }

  /** What came of a ping whose end did not come: to hold behind all that is held. null: nothing. */
  takeBegun(): Buffer | null {
    const begun = this.#begun?.subarray(0, this.#begunBytes) ?? null;
    this.#begun = null;
    return begun;
  }

  /** False: it turned out to be no ping, and the bytes stay where they are. */
  #gather(bytes: Buffer): boolean {
    if (this.#client.isOver) return false;
    this.#begunBytes += bytes.copy(this.#begun as Buffer, this.#begunBytes);
    return true;
  }

  #place(ping: Buffer, takesPongs: boolean, held: Buffer[], pongs: Buffer[]): void {
    const mayAnswer = takesPongs && this.#client.isBetweenFrames && this.#server.isBetweenFrames;
    if (mayAnswer) pongs.push(pongTo(ping));
    else held.push(ping);
  }
}

/** RFC 6455 sections 5.5.3 and 5.3: the same payload, unmasked. */
function pongTo(ping: Buffer): Buffer {
  const payload = Buffer.from(ping.subarray(PAYLOAD_AT));
  for (let at = 0; at < payload.length; at += 1)
    payload[at] = (payload[at] as number) ^ (ping[MASK_AT + (at % 4)] as number);
  return Buffer.concat([Buffer.of(PONG, payload.length), payload]);
}

function joined(before: readonly Buffer[], chunk: Buffer, from: number): Buffer {
  return before.length === 0 && from === 0 ? chunk : Buffer.concat([...before, chunk.subarray(from)]);
}
