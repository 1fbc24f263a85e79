// Why a NATS server and this Torpor do not come together, in words, and what to do about it.
import { readFileSync } from 'node:fs';
import { errors } from '@nats-io/transport-node';
import { errorText } from '../../platform/errors.ts';
import type { NatsAccess } from './nats-access.ts';
import { UnusableFile } from './secret-files.ts';

export interface Refusal {
  readonly what: string;
  /** Null: nothing is known but what it says. */
  readonly todo: string | null;
}

/** OpenSSL's and Node's names of what is wrong with the certificate of a server. */
const UNTRUSTED: readonly unknown[] = [
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_SIGNATURE_FAILURE',
];
const OUT_OF_DATE: readonly unknown[] = ['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'];
const OTHER_NAME = 'ERR_TLS_CERT_ALTNAME_INVALID';
const OTHER_KEY = 'ERR_OSSL_X509_KEY_VALUES_MISMATCH';
/** TLS alerts by which a server refuses the certificate of a client, or that there is none. */
const CLIENT_REFUSED =
  /^ERR_SSL_.*ALERT_(?:CERTIFICATE_|BAD_CERTIFICATE|UNKNOWN_CA|UNSUPPORTED_CERTIFICATE|ACCESS_DENIED|HANDSHAKE_FAILURE)/;
/** "JetStream not enabled", and for the account. Source: JetStream API error codes. */
const NO_JETSTREAM: readonly unknown[] = [10076, 10039];

/** `wallNowMs`: Unix milliseconds, for users that end. */
export function explainRefusal(thrown: unknown, access: NatsAccess, wallNowMs: number): Refusal {
  if (thrown instanceof UnusableFile) return { what: thrown.message, todo: thrown.todo };
  const known = explainTls(thrown, access) ?? explainUser(thrown, access, wallNowMs) ?? explainRights(thrown);
  return known ?? { what: textOf(thrown), todo: null };
}

function explainTls(thrown: unknown, { tls }: NatsAccess): Refusal | null {
  const code = `${codeOf(thrown)}`;
  const why = textOf(thrown);
  if (UNTRUSTED.includes(code)) {
    const what = `the certificate of the NATS server is signed by nobody who is trusted here (${why})`;
    const ca = tls?.caFile ?? null;
    if (ca === null) return { what, todo: 'write the file with the certificate of its authority as farm.tls.ca' };
    return { what, todo: `${ca} (farm.tls.ca) is not its authority: write the file of the one that signed it` };
  }
  if (OUT_OF_DATE.includes(code)) {
    const what = `the certificate of the NATS server is out of date (${why})`;
    return { what, todo: 'give the server a new one, and see whether the clock here is right' };
  }
  if (code === OTHER_NAME) return explainOtherName(thrown as NameError);
  if (code === OTHER_KEY) {
    return {
      what: `farm.tls.key is not the key of farm.tls.cert (${why})`,
      todo: `write the two files of one pair: ${tls?.certFile} and its key`,
    };
  }
  if (!CLIENT_REFUSED.test(code)) return null;
  if (tls?.certFile == null) {
    const what = 'the NATS server wants a certificate of this Torpor, and farm.tls has none';
    return { what, todo: 'write farm.tls.cert and farm.tls.key, of an authority that the server trusts' };
  }
  const what = `the NATS server does not take the certificate of this Torpor, ${tls.certFile} (${why})`;
  return {
    what,
    todo: 'have farm.tls.cert signed by the authority that tls.ca_file of the server names, and see whether it is in date',
  };
}

/** Node's, where a certificate is for other names. */
interface NameError extends Error {
  readonly host?: string;
  readonly cert?: { readonly subjectaltname?: string; readonly subject?: { readonly CN?: string } };
}

function explainOtherName({ host, cert }: NameError): Refusal {
  const names = cert?.subjectaltname ?? cert?.subject?.CN ?? 'nobody';
  const what = `the certificate of the NATS server is not for ${host} (it is for ${names})`;
  return { what, todo: 'write one of its names in farm.servers, or give the server a certificate for this one' };
}

function explainUser(thrown: unknown, { credentialsFile, tls }: NatsAccess, wallNowMs: number): Refusal | null {
  const isExpired = comesOf(thrown, errors.UserAuthenticationExpiredError);
  if (!isExpired && !comesOf(thrown, errors.AuthorizationError)) return null;
  const why = textOf(thrown);
  if (credentialsFile === null) {
    const write = 'make a user for Torpor and write its file as farm.credentials';
    if (tls?.certFile == null) {
      return { what: `the NATS server wants a user (${why}), and farm.credentials is not written`, todo: write };
    }
    const what = `the NATS server knows no user by the certificate ${tls.certFile} (${why}), and farm.credentials is not written`;
    return { what, todo: `name a user of the server as the certificate (verify_and_map), or ${write}` };
  }
  const { endsAtMs, account } = readUser(credentialsFile);
  if (isExpired || (endsAtMs !== null && endsAtMs <= wallNowMs)) {
    const since = endsAtMs === null ? '' : ` since ${new Date(endsAtMs).toISOString()}`;
    const what = `the user of ${credentialsFile} has expired${since} (${why})`;
    return { what, todo: 'make farm.credentials anew (nsc generate creds); Torpor reads the file again by itself' };
  }
  const what = `the NATS server does not know the user of ${credentialsFile} (${why}), of account ${account ?? 'unknown'}`;
  return { what, todo: 'see whether the server knows that account (resolver), and whether the user was revoked' };
}

/** Of the user's JWT, which is no secret beside its key: when it ends, and who issued it. */
function readUser(file: string): { endsAtMs: number | null; account: string | null } {
  try {
    const [, body = ''] = /-----BEGIN NATS USER JWT-----\s+[\w-]+\.([\w-]+)\./.exec(readFileSync(file, 'utf8')) ?? [];
    const { exp, iss, nats } = JSON.parse(Buffer.from(body, 'base64url').toString());
    const account = nats?.issuer_account ?? iss;
    return {
      endsAtMs: typeof exp === 'number' && exp > 0 ? exp * 1_000 : null,
      account: typeof account === 'string' ? account : null,
    };
  } catch {
    return { endsAtMs: null, account: null };
  }
}

function explainRights(thrown: unknown): Refusal | null {
  if (!(thrown instanceof Error)) return null;
  const why = textOf(thrown);
  if (comesOf(thrown, errors.PermissionViolationError)) {
    const what = `the NATS server does not let this user do what Torpor does (${why})`;
    return { what, todo: 'give it the permissions of docs/several-torpors.md' };
  }
  if (NO_JETSTREAM.includes(codeOf(thrown)) || thrown.name === 'JetStreamNotEnabled') {
    const what = `the NATS server keeps nothing for this user (${why})`;
    return {
      what,
      todo: 'switch JetStream on at the server (jetstream { store_dir: ... }), and in the limits of the account',
    };
  }
  // The library has no code for it.
  if (!(thrown instanceof errors.ConnectionError) || !thrown.message.includes("does not support 'tls'")) return null;
  return {
    what: 'the NATS server has no TLS, and farm.tls is written',
    todo: 'give the server TLS (tls { ... }), or leave farm.tls out',
  };
}

/** Of an error of OpenSSL its reason alone: the text has places in its source. */
function textOf(thrown: unknown): string {
  if (thrown instanceof Error && 'library' in thrown && 'reason' in thrown) return `${thrown.reason}`;
  return errorText(thrown);
}

/** The library wraps some of its own errors. */
function comesOf(thrown: unknown, kind: new (...args: never[]) => Error): boolean {
  if (!(thrown instanceof Error)) return false;
  const { cause } = thrown;
  return thrown instanceof kind || comesOf(cause, kind);
}

/** And some of Node's. */
function codeOf(thrown: unknown): unknown {
  if (!(thrown instanceof Error)) return null;
  return 'code' in thrown ? thrown.code : codeOf(thrown.cause);
}
