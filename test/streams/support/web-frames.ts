// WebSocket frames built and read by the letter of RFC 6455, independently of the code under test; and a handshake.

/** First bytes of frames: FIN, RSV1 and the opcode. */
export const FIRST = {
  text: 0x81,
  binary: 0x82,
  textBegins: 0x01,
  continues: 0x00,
  ends: 0x80,
  deflated: 0xc1,
} as const;
export const CLOSE = 0x88;
export const PING = 0x89;
export const PONG = 0x8a;

export const REQUEST = Buffer.from(
  [
    'GET /chat?room=7 HTTP/1.1',
    'Host: desk.example',
    'Connection: keep-alive, Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    '\r\n',
  ].join('\r\n'),
);
export const ANSWER = Buffer.from(
  [
    'HTTP/1.1 101 Switching Protocols',
    'upgrade: WebSocket',
    'connection: upgrade',
    'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
    '\r\n',
  ].join('\r\n'),
);

/** What a client sends. */
export function masked(first: number, payload: Buffer | string, mask = Buffer.of(0x37, 0xfa, 0x21, 0x3d)): Buffer {
  const plain = Buffer.from(payload);
  const bytes = plain.map((byte, at) => byte ^ (mask[at % 4] as number));
  return Buffer.concat([head(first, plain.length, 0x80), mask, bytes]);
}

/** What a server sends. */
export function bare(first: number, payload: Buffer | string): Buffer {
  const plain = Buffer.from(payload);
  return Buffer.concat([head(first, plain.length, 0), plain]);
}

function head(first: number, length: number, maskBit: number): Buffer {
  if (length < 126) return Buffer.of(first, maskBit | length);
  if (length < 0x1_0000) return Buffer.of(first, maskBit | 126, length >> 8, length & 0xff);
  const long = Buffer.alloc(10);
  long.writeUInt8(first, 0);
  long.writeUInt8(maskBit | 127, 1);
  long.writeBigUInt64BE(BigInt(length), 2);
  return long;
}

export interface Frame {
  readonly first: number;
  readonly payload: Buffer;
  /** The frame as it came. */
  readonly bytes: Buffer;
}

/** All whole frames, and how many bytes of another follow. Throws where `bytes` are no frames of that side. */
export function readFrames(bytes: Buffer, from: 'client' | 'server'): { frames: Frame[]; restBytes: number } {
  const frames: Frame[] = [];
  let at = 0;
  for (;;) {
    const frame = readFrame(bytes.subarray(at), from === 'client');
    if (frame === null) return { frames, restBytes: bytes.length - at };
    frames.push(frame);
    at += frame.bytes.length;
  }
}

function readFrame(bytes: Buffer, isMasked: boolean): Frame | null {
  if (bytes.length < 2) return null;
  const [first = 0, second = 0] = bytes;
  if (![0, 1, 2, 8, 9, 10].includes(first & 15)) throw new Error(`no frame begins with ${first}`);
  if (second >= 128 !== isMasked) throw new Error('masked by the wrong side');
  const short = second & 127;
  if ((first & 15) >= 8 && (first < 128 || short > 125)) throw new Error('a wrong control frame');
  const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
  const start = 2 + lengthBytes + (isMasked ? 4 : 0);
  if (bytes.length < start) return null;
  const length = lengthBytes === 0 ? short : Number(`0x${bytes.toString('hex', 2, 2 + lengthBytes)}`);
  if (bytes.length < start + length) return null;
  const payload = Buffer.from(bytes.subarray(start, start + length));
  if (isMasked)
    for (let at = 0; at < length; at += 1)
      payload[at] = (payload[at] as number) ^ (bytes[start - 4 + (at % 4)] as number);
  return { first, payload, bytes: Buffer.from(bytes.subarray(0, start + length)) };
}
