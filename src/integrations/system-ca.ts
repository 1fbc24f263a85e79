// The certificate authorities that this machine trusts: Node's own and the system's. What is done with them is others'.
import { readFile } from 'node:fs/promises';
import { rootCertificates } from 'node:tls';

/** Debian, Alpine; Red Hat; and what OpenSSL's own variable says. */
const BUNDLES = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt'];

/** In PEM. */
export async function systemCa(env: Readonly<Record<string, string | undefined>> = process.env): Promise<string[]> {
  for (const path of [env.SSL_CERT_FILE, ...BUNDLES]) {
    if (path === undefined) continue;
    const bundle = await readFile(path, 'latin1').catch(() => null);
    if (bundle?.includes('-----BEGIN CERTIFICATE-----')) return [...rootCertificates, bundle];
  }
  return [...rootCertificates];
}
