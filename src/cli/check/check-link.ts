// Whether the keys of `link` can be used by its gate, before Torpor is started with them: there, one pair, in date, and signed by their own authority.
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { LinkConfig } from '../../config/link-schema.ts';
import { readLinkKeys } from '../../link/link-tls.ts';
import { errorText } from '../../platform/errors.ts';
import type { CheckReport } from './check-finding.ts';

const SUBJECT = 'link keys';
const DAY_MS = 86_400_000;
/** Edges need theirs replaced by then, too: that takes somebody's time. */
const SOON_DAYS = 30;
/** RFC 5280 section 4.2.1.12: what a client's TLS asks of its server. */
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const OTHERS = 0o077;

export async function checkLink(link: LinkConfig | null, nowMs: number, report: CheckReport): Promise<void> {
  if (link === null) return;
  const { keys: folder, name } = link;
  const remake = `make them anew: torpor link keygen --keys ${folder}`;
  const [authorityPath, ownPath, keyPath] = ['ca.crt', `${name}.crt`, `${name}.key`].map((file) =>
    join(folder, file),
  ) as [string, string, string];
  try {
    const files = await readLinkKeys(folder, name);
    const authority = parse(authorityPath, () => new X509Certificate(files.ca));
    const own = parse(ownPath, () => new X509Certificate(files.cert));
    const key = parse(keyPath, () => createPrivateKey(files.key));
    const problem =
      pairProblem({ path: ownPath, own, key, keyPath, authority, authorityPath }) ??
      dateProblem(authorityPath, authority, nowMs) ??
      dateProblem(ownPath, own, nowMs);
    if (problem !== null) return report.fail(SUBJECT, problem, remake);
    await warnOfKeys(keyPath, [authority, own], nowMs, report);
  } catch (error) {
    // The message says itself what to do.
    report.fail(SUBJECT, errorText(error), null);
  }
}

function parse<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new Error(`${path} cannot be read: it has to be PEM, as torpor link keygen writes it (${errorText(cause)})`);
  }
}

interface Parts {
  readonly path: string;
  readonly own: X509Certificate;
  readonly key: KeyObject;
  readonly keyPath: string;
  readonly authority: X509Certificate;
  readonly authorityPath: string;
}

/** null: they belong together, and a gate may use them. */
function pairProblem({ path, own, key, keyPath, authority, authorityPath }: Parts): string | null {
  if (!own.checkPrivateKey(key)) return `${keyPath} is not the key of ${path}`;
  if (!own.checkIssued(authority) || !own.verify(authority.publicKey))
    return `${path} is not signed by ${authorityPath}: no edge would take it`;
  if (own.keyUsage !== undefined && !own.keyUsage.includes(SERVER_AUTH))
    return `${path} is an edge's, not a gate's: name the gate's keys (link.name)`;
  return null;
}

/** null: now is within its time. */
function dateProblem(path: string, certificate: X509Certificate, nowMs: number): string | null {
  if (nowMs < Date.parse(certificate.validFrom)) return `${path} is valid from ${day(certificate.validFrom)} only`;
  if (nowMs > Date.parse(certificate.validTo)) return `${path} has expired on ${day(certificate.validTo)}`;
  return null;
}

async function warnOfKeys(
  keyPath: string,
  certificates: readonly X509Certificate[],
  nowMs: number,
  report: CheckReport,
): Promise<void> {
  const [first = ''] = certificates.map(({ validTo }) => validTo).sort((a, b) => Date.parse(a) - Date.parse(b));
  const leftDays = Math.floor((Date.parse(first) - nowMs) / DAY_MS);
  const { mode } = await stat(keyPath);
  if ((mode & OTHERS) !== 0)
    report.warn(SUBJECT, `${keyPath} can be read by others than its owner`, `chmod 600 ${keyPath}`);
  if (leftDays < SOON_DAYS)
    report.warn(SUBJECT, `they expire on ${day(first)}, in ${leftDays} days`, 'replace them, and those of the edges');
  else report.ok(SUBJECT, `one pair, signed by their authority, valid until ${day(first)}`);
}

function day(text: string): string {
  return new Date(Date.parse(text)).toISOString().slice(0, 10);
}
