// The files that prove a NATS server and this Torpor to each other: whether each is there and of its kind.
import { readFile } from 'node:fs/promises';
import { errorText } from '../../platform/errors.ts';

export interface SecretFiles {
  /** A file of `nsc`: a JWT with its key. */
  readonly credentialsFile: string | null;
  readonly tls: TlsFiles | null;
}

/** PEM files. */
export interface TlsFiles {
  readonly caFile: string | null;
  readonly certFile: string | null;
  readonly keyFile: string | null;
}

interface Kind {
  /** In the configuration. */
  readonly key: string;
  readonly holds: RegExp;
  /** For people. */
  readonly name: string;
}

const CERTIFICATE = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/;
const CREDENTIALS: Kind = {
  key: 'farm.credentials',
  holds: /-----BEGIN NATS USER JWT-----[\s\S]+-----BEGIN USER NKEY SEED-----/,
  name: 'JWT and key of a user (nsc generate creds)',
};
const CA: Kind = { key: 'farm.tls.ca', holds: CERTIFICATE, name: 'certificate of an authority (PEM)' };
const CERT: Kind = { key: 'farm.tls.cert', holds: CERTIFICATE, name: 'certificate (PEM)' };
const KEY: Kind = { key: 'farm.tls.key', holds: /-----BEGIN (?:\w+ )*PRIVATE KEY-----/, name: 'private key (PEM)' };

/** A file that cannot be used. The message says which. */
export class UnusableFile extends Error {
  readonly todo: string;

  constructor(what: string, { key, name }: Kind) {
    super(what);
    this.todo = `write as ${key} a file that Torpor may read, with the ${name}`;
  }
}

/** Rejects with an UnusableFile. The library would take a file without a certificate for none. */
export async function checkFiles({ credentialsFile, tls }: SecretFiles): Promise<void> {
  await checkFile(credentialsFile, CREDENTIALS);
  await checkFile(tls?.caFile ?? null, CA);
  await checkFile(tls?.certFile ?? null, CERT);
  await checkFile(tls?.keyFile ?? null, KEY);
}

async function checkFile(path: string | null, kind: Kind): Promise<void> {
  if (path === null) return;
  const text = await readFile(path, 'utf8').catch((thrown) => {
    throw new UnusableFile(`${kind.key} cannot be read: ${errorText(thrown)}`, kind);
  });
  if (!kind.holds.test(text)) throw new UnusableFile(`${kind.key}: ${path} holds no ${kind.name}`, kind);
}
