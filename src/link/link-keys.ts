// Makes the keys of a link: a certificate authority of its own, and certificates for gates and edges that nobody else's TLS trusts.
// Reading them back is link-tls.ts's.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import forge from 'node-forge';
import { TorporError } from '../platform/errors.ts';

/** RSA, NIST SP 800-57 part 1 table 2: 128 bits of strength. Only handshakes pay for it. */
const KEY_BITS = 3072;
const YEARS = 10;

export type LinkRole = 'gate' | 'edge';

export interface MadeKeys {
  /** Paths of what was written, in order. */
  readonly written: readonly string[];
  /** The authority was there already. */
  readonly isAdded: boolean;
}

interface Pair {
  readonly certificate: forge.pki.Certificate;
  readonly privateKey: forge.pki.rsa.PrivateKey;
}

/**
 * Writes `ca.crt`, `ca.key` and for each name `NAME.crt`, `NAME.key` into the folder; keys are readable by their owner alone. Where
 * the folder has an authority, that one signs. Never overwrites: ERR_LINK_KEYS where a file is there.
 */
export async function makeLinkKeys(
  folder: string,
  names: readonly { readonly name: string; readonly role: LinkRole }[],
  nowMs: number,
): Promise<MadeKeys> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const written: string[] = [];
  const found = await readAuthority(folder);
  const authority = found ?? makeAuthority(nowMs);
  if (found === null) written.push(...(await writePair(folder, 'ca', authority)));
  for (const { name, role } of names)
    written.push(...(await writePair(folder, name, makeLeaf(authority, name, role, nowMs))));
  return { written, isAdded: found !== null };
}

async function readAuthority(folder: string): Promise<Pair | null> {
  const read = (name: string) => readFile(join(folder, name), 'utf8').catch(() => null);
  const [certificate, key] = [await read('ca.crt'), await read('ca.key')];
  if (certificate === null && key === null) return null;
  if (certificate === null || key === null)
    throw new TorporError(
      'ERR_LINK_KEYS',
      `${folder} has only one of ca.crt and ca.key: bring the other, or take an empty folder`,
    );
  try {
    return { certificate: forge.pki.certificateFromPem(certificate), privateKey: forge.pki.privateKeyFromPem(key) };
  } catch (cause) {
    throw new TorporError('ERR_LINK_KEYS', `${folder}: ca.crt and ca.key are no certificate and key in PEM form`, {
      cause,
    });
  }
}

function makeAuthority(nowMs: number): Pair {
  const pair = makePair('Torpor link authority', nowMs);
  pair.certificate.setIssuer(pair.certificate.subject.attributes);
  pair.certificate.setExtensions([
    { name: 'basicConstraints', cA: true, pathLenConstraint: 0, critical: true },
    { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    { name: 'subjectKeyIdentifier' },
  ]);
  pair.certificate.sign(pair.privateKey, forge.md.sha256.create());
  return pair;
}

/** What tells a gate from an edge is the extended key usage (RFC 5280 section 4.2.1.12): an edge's key cannot pose as a gate's. */
function makeLeaf(authority: Pair, name: string, role: LinkRole, nowMs: number): Pair {
  const pair = makePair(name, nowMs);
  pair.certificate.setIssuer(authority.certificate.subject.attributes);
  pair.certificate.setExtensions([
    { name: 'basicConstraints', cA: false, critical: true },
    { name: 'keyUsage', digitalSignature: true, critical: true },
    { name: 'extKeyUsage', serverAuth: role === 'gate', clientAuth: role === 'edge' },
    { name: 'subjectAltName', altNames: [{ type: 2, value: name }] },
  ]);
  pair.certificate.sign(authority.privateKey, forge.md.sha256.create());
  return pair;
}

function makePair(name: string, nowMs: number): Pair {
  const { privateKey: pem } = generateKeyPairSync('rsa', {
    modulusLength: KEY_BITS,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  });
  const privateKey = forge.pki.privateKeyFromPem(pem);
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.setRsaPublicKey(privateKey.n, privateKey.e);
  // A positive number of 16 bytes (RFC 5280 section 4.1.2.2).
  certificate.serialNumber = `01${randomBytes(15).toString('hex')}`;
  // The clocks of two machines differ.
  certificate.validity.notBefore = new Date(nowMs - 86_400_000);
  certificate.validity.notAfter = new Date(nowMs + YEARS * 365 * 86_400_000);
  certificate.setSubject([
    { name: 'commonName', value: name },
    { name: 'organizationName', value: 'Torpor link' },
  ]);
  return { certificate, privateKey };
}

async function writePair(folder: string, name: string, { certificate, privateKey }: Pair): Promise<string[]> {
  const paths = [join(folder, `${name}.crt`), join(folder, `${name}.key`)] as const;
  await writeNew(paths[0], forge.pki.certificateToPem(certificate), 0o644);
  await writeNew(paths[1], forge.pki.privateKeyToPem(privateKey), 0o600);
  return [...paths];
}

async function writeNew(path: string, text: string, mode: number): Promise<void> {
  try {
    const file = await open(path, 'wx', mode);
    try {
      await file.writeFile(text);
    } finally {
      await file.close();
    }
  } catch (cause) {
    const why =
      (cause as NodeJS.ErrnoException).code === 'EEXIST'
        ? 'is there already: move it away, or choose another name'
        : 'could not be written';
    throw new TorporError('ERR_LINK_KEYS', `${path} ${why}`, { cause });
  }
}
