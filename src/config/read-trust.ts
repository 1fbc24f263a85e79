// Reads what a Redfish BMC's certificate is judged by, at the moment of its use.
import { readFile } from 'node:fs/promises';
import { errorText, TorporError } from '../platform/errors.ts';
import type { RedfishTlsConfig } from './power-config.ts';

/** What the driver is told to trust; the same as its own type, which configuration may not know. */
export type Trust =
  | { readonly kind: 'system'; readonly serverName: string | null }
  | { readonly kind: 'ca'; readonly pem: string; readonly serverName: string | null }
  | { readonly kind: 'fingerprint'; readonly sha256: Uint8Array }
  | { readonly kind: 'none' };

/** Throws ERR_CONFIG_READ where the file of authorities cannot be read or holds no certificate. */
export async function readTrust(tls: RedfishTlsConfig): Promise<Trust> {
  if (tls.kind === 'fingerprint') return { kind: 'fingerprint', sha256: digitsOf(tls.sha256) };
  if (tls.kind !== 'ca') return tls;
  const pem = await readFile(tls.path, 'latin1').catch((thrown: unknown) => {
    throw new TorporError('ERR_CONFIG_READ', `cannot read tls.ca ${tls.path}: ${errorText(thrown)}`, { cause: thrown });
  });
  if (pem.includes('-----BEGIN CERTIFICATE-----')) return { kind: 'ca', pem, serverName: tls.serverName };
  throw new TorporError('ERR_CONFIG_READ', `tls.ca ${tls.path} holds no certificate: write the path of a PEM file`);
}

function digitsOf(fingerprint: string): Uint8Array {
  return Uint8Array.from(Buffer.from(fingerprint.slice(fingerprint.indexOf(':') + 1).replaceAll(':', ''), 'hex'));
}
