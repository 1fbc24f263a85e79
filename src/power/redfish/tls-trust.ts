// Whom a TLS connection to a BMC may reach: one certificate by its fingerprint, those of one authority, or those of the system's.
import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { TorporError } from '../../platform/errors.ts';

export type TlsTrust =
  | { readonly kind: 'system'; readonly serverName: string | null }
  /** PEM of authorities, or of the BMC's own self-signed certificate. */
  | { readonly kind: 'ca'; readonly pem: string; readonly serverName: string | null }
  /** SHA-256 of the certificate (DER). Names, dates and issuer do not matter then. */
  | { readonly kind: 'fingerprint'; readonly sha256: Uint8Array }
  /** Plain HTTP: on loopback only, and only where it was asked for by name. */
  | { readonly kind: 'none' };

const FINGERPRINT = /^(?:SHA-?256:)?((?:[0-9a-f]{2}:?){31}[0-9a-f]{2})$/i;

/** `SHA256:AB:CD:…`, as `openssl x509 -fingerprint -sha256` and BMCs' web pages print it; null where it is none. */
export function parseFingerprint(text: string): Uint8Array | null {
  const hex = FINGERPRINT.exec(text.trim())?.[1]?.replaceAll(':', '');
  return hex === undefined ? null : Uint8Array.from(Buffer.from(hex, 'hex'));
}

export function formatFingerprint(sha256: Uint8Array): string {
  return `SHA256:${Buffer.from(sha256)
    .toString('hex')
    .toUpperCase()
    .replace(/(..)(?=.)/g, '$1:')}`;
}

/**
 * How to connect. Node's own refusal is switched off because `refuseUntrusted` does it with better words; whoever connects calls
 * that before the first byte of HTTP.
 */
export function tlsOptions(trust: TlsTrust, host: string): ConnectionOptions {
  const named = trust.kind === 'system' || trust.kind === 'ca' ? trust.serverName : null;
  const name = named ?? host;
  return {
    rejectUnauthorized: false,
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['http/1.1'],
    // RFC 6066 section 3: no addresses in SNI.
    ...(isIP(name) === 0 ? { servername: name } : {}),
    ...(trust.kind === 'ca' ? { ca: trust.pem } : {}),
  };
}

/** Throws ERR_REDFISH_CERTIFICATE where the certificate at the other end is not one that is trusted. */
export function refuseUntrusted(socket: TLSSocket, trust: TlsTrust, peer: string): void {
  const raw = socket.getPeerX509Certificate()?.raw;
  if (raw === undefined) throw untrusted(`${peer} showed no certificate`);
  const seen = createHash('sha256').update(raw).digest();
  if (trust.kind === 'fingerprint') {
    if (timingSafeEqual(seen, trust.sha256)) return;
    const what = `${peer} shows another certificate than the pinned one: ${formatFingerprint(seen)}, not ${formatFingerprint(trust.sha256)}`;
    throw untrusted(
      `${what}; if the BMC's certificate was renewed, write the new fingerprint, else somebody stands in between`,
    );
  }
  if (socket.authorized) return;
  const why = EXPLAINED[String(socket.authorizationError)] ?? String(socket.authorizationError);
  const advice = `if the BMC's own web page or console shows the same, pin it with tls: { fingerprint: "${formatFingerprint(seen)}" }`;
  throw untrusted(
    `the certificate of ${peer} is not trusted: ${why}; its fingerprint is ${formatFingerprint(seen)}; ${advice}`,
  );
}

const EXPLAINED: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is signed by itself',
  SELF_SIGNED_CERT_IN_CHAIN: 'its authority is unknown here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its authority is unknown here',
  UNABLE_TO_GET_ISSUER_CERT: 'its authority is unknown here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its authority is unknown here',
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet: look at the clocks',
  ERR_TLS_CERT_ALTNAME_INVALID:
    'it was made for another name or address: connect by that name, or write it as tls.serverName',
};

function untrusted(message: string): TorporError {
  return new TorporError('ERR_REDFISH_CERTIFICATE', message);
}
