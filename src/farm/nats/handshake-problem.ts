// What a NATS server has against the TLS of a client, where it says so after the handshake only.
import { readFile } from 'node:fs/promises';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { TlsFiles } from './secret-files.ts';

/** A server's INFO has a few hundred bytes. */
const INFO_BYTES_MAX = 65_536;

/** Null: nothing, or it does not say within the bound. `server`: `host:port`. */
export async function handshakeProblem(server: string, tls: TlsFiles, boundMs: number): Promise<Error | null> {
  const { hostname, port } = new URL(`nats://${server}`);
  const host = hostname.replace(/^\[|\]$/g, '');
  const [ca, cert, key] = await Promise.all([tls.caFile, tls.certFile, tls.keyFile].map(contentOf));
  const files = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
  const socket = connectTcp(Number(port), host);
  const bound = AbortSignal.timeout(boundMs);
  bound.addEventListener('abort', () => socket.destroy());
  try {
    if (!(await saysInfo(socket))) return null;
    return await new Promise((resolve) => {
      const secured = connectTls({ socket, host, ...(isIP(host) === 0 ? { servername: host } : {}), ...files });
      socket.once('close', () => resolve(null));
      secured.once('error', (problem) => resolve(bound.aborted ? null : problem));
      secured.once('close', () => resolve(null));
      // Whatever it answers, it has taken the certificate.
      secured.once('data', () => resolve(null));
      secured.once('secureConnect', () => secured.write('PING\r\n'));
    });
  } catch {
    return null;
  } finally {
    socket.destroy();
  }
}

/** Whether the server has told who it is, which it does in the clear, before TLS. */
function saysInfo(socket: Socket): Promise<boolean> {
  return new Promise((resolve) => {
    let text = '';
    const onData = (bytes: Buffer) => {
      text += bytes.toString('latin1');
      if (!text.includes('\n') && text.length < INFO_BYTES_MAX) return;
      socket.off('data', onData);
      socket.pause();
      resolve(text.includes('\n'));
    };
    socket.on('data', onData);
    socket.on('error', () => resolve(false));
    socket.once('close', () => resolve(false));
  });
}

/** One that is gone by now is named by whoever connects next. */
async function contentOf(path: string | null): Promise<Buffer | null> {
  return path === null ? null : readFile(path).catch(() => null);
}
