// TLS of the link: its keys read from a folder, what both ends insist on, and the greeting that begins each connection.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { TorporError } from '../platform/errors.ts';
import type { Clock } from '../platform/ports.ts';
import { LINK_ALPN, type LinkRecord, malformed, RECORD_HEADER_BYTES } from './link-records.ts';
import type { LinkConnection, LinkSession } from './link-session.ts';
import type { SharedReads } from './shared-reads.ts';
import { TlsWriter } from './tls-writer.ts';

/** From the TLS handshake's end to the peer's greeting. */
export const GREETING_BOUND_MS = 10_000;
/** No greeting is longer; whoever sends more is no link. */
const MAX_GREETING_BYTES = 1024;

export interface LinkKeyFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Reads `ca.crt`, `NAME.crt` and `NAME.key` of the folder. Throws ERR_LINK_KEYS. */
export async function readLinkKeys(folder: string, name: string): Promise<LinkKeyFiles> {
  const read = async (file: string) => {
    try {
      return await readFile(join(folder, file), 'utf8');
    } catch (cause) {
      const hint = `torpor link keygen --keys ${folder} makes it`;
      throw new TorporError('ERR_LINK_KEYS', `${join(folder, file)} cannot be read: ${hint}`, { cause });
    }
  };
  return { ca: await read('ca.crt'), cert: await read(`${name}.crt`), key: await read(`${name}.key`) };
}

/** Both ends: TLS 1.3, certificates of the link's own authority, the link's protocol. */
export function tlsRules(keys: LinkKeyFiles) {
  return {
    ...keys,
    minVersion: 'TLSv1.3',
    ALPNProtocols: [LINK_ALPN],
    rejectUnauthorized: true,
  } as const;
}

/** The first record of a connection, and what came behind it. Rejects with ERR_LINK_PEER or ERR_LINK_PROTOCOL, also where none comes in time. */
export function readGreeting(socket: TLSSocket, clock: Clock): Promise<{ record: LinkRecord; rest: Buffer }> {
  return new Promise((resolve, reject) => {
    let bytes = Buffer.alloc(0);
    const end = (settle: () => void) => {
      cancel();
      socket.removeListener('data', onData);
      socket.removeListener('close', onClose);
      socket.removeListener('error', onClose);
      socket.pause();
      settle();
    };
    const fail = (error: Error) => end(() => reject(error));
    const onClose = () =>
      fail(new TorporError('ERR_LINK_PEER', 'the connection was closed before a greeting', { retryable: true }));
    const onData = (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      const recordBytes = bytes.length < RECORD_HEADER_BYTES ? Infinity : RECORD_HEADER_BYTES + bytes.readUInt16BE(2);
      if (Number.isFinite(recordBytes) && recordBytes > MAX_GREETING_BYTES)
        fail(malformed('a greeting that is too long'));
      else if (bytes.length >= recordBytes) {
        const payload = bytes.subarray(RECORD_HEADER_BYTES, recordBytes);
        const record = { type: bytes[0] as number, flags: bytes[1] as number, stream: bytes.readUInt32BE(4), payload };
        end(() => resolve({ record, rest: bytes.subarray(recordBytes) }));
      }
    };
    const cancel = clock.schedule(GREETING_BOUND_MS, () =>
      fail(malformed(`no greeting within ${GREETING_BOUND_MS} ms`)),
    );
    socket.on('data', onData);
    socket.once('close', onClose);
    socket.once('error', onClose);
    socket.resume();
  });
}

/** Lets a session use a TLS connection whose greetings have passed. `attach` gives it to the session, before `rest`, what came behind the greeting. */
export function joinConnection(
  socket: TLSSocket,
  reads: SharedReads,
  session: LinkSession,
  attach: (connection: LinkConnection) => void,
  rest: Buffer,
  onGone: (why: string) => void,
): void {
  let isOver = false;
  const writer = new TlsWriter(socket);
  const leave = (why: string) => {
    if (isOver) return;
    isOver = true;
    session.detach(connection);
    onGone(why);
  };
  const connection: LinkConnection = {
    write: (bytes) => writer.write(bytes),
    close: () => {
      isOver = true;
      socket.destroy();
    },
  };
  socket.setNoDelay(true);
  socket.on('error', (error) => leave(error.message));
  socket.on('close', () => leave('the connection was closed'));
  attach(connection);
  if (rest.length > 0) session.receive(rest);
  reads.listen(socket, (chunk) => {
    if (!isOver) session.receive(chunk);
    return true;
  });
}
