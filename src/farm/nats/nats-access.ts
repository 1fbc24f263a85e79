// How a NATS server is reached: its addresses, and the files that prove the server to this Torpor and this Torpor to the server.
import { readFileSync } from 'node:fs';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { connect, credsAuthenticator, type NatsConnection, type NodeConnectionOptions } from '@nats-io/transport-node';
import { handshakeProblem } from './handshake-problem.ts';
import { checkFiles, type SecretFiles, type TlsFiles } from './secret-files.ts';

const CONNECT_BOUND_MS = 3_000;
const HANDSHAKE_BOUND_MS = 5_000;
/** The library's own wait between two servers of a list that was connected once. */
const RECONNECT_WAIT_MS = 500;
/** A server that says nothing for two of these is given up. */
const PING_INTERVAL_MS = 3_000;
const PINGS_LOST_MAX = 2;

/** The files are read anew at each connection. */
export interface NatsAccess extends SecretFiles {
  /** `host:port` each. */
  readonly servers: readonly string[];
  /** For people at the NATS server: who connects. */
  readonly name: string;
}

/** Connects once with whichever server answers. What it rejects with is for `explainRefusal`. */
export async function openNats(access: NatsAccess, isLasting: boolean): Promise<NatsConnection> {
  await checkFiles(access);
  try {
    return await connect({ ...connectionOptions(access), reconnect: isLasting });
  } catch (thrown) {
    throw (await problemOf(access, thrown)) ?? thrown;
  }
}

/** In TLS 1.3 a server refuses a client's certificate after the handshake. The library does not hear that, and waits out its bound. */
async function problemOf({ servers, tls }: NatsAccess, thrown: unknown): Promise<Error | null> {
  if (tls === null || !(thrown instanceof Error) || thrown.name !== 'TimeoutError') return null;
  const problems = await Promise.all(servers.map((server) => handshakeProblem(server, tls, HANDSHAKE_BOUND_MS)));
  return problems.find((problem) => problem !== null) ?? null;
}

function connectionOptions({ servers, name, credentialsFile, tls }: NatsAccess): NodeConnectionOptions {
  return {
    servers: [...servers],
    name,
    timeout: CONNECT_BOUND_MS,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    reconnectJitter: RECONNECT_WAIT_MS,
    reconnectJitterTLS: RECONNECT_WAIT_MS,
    ignoreAuthErrorAbort: true,
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: PINGS_LOST_MAX,
    ...(credentialsFile === null ? {} : { authenticator: credsAuthenticator(() => readFileSync(credentialsFile)) }),
    ...(tls === null ? {} : tlsOptions(tls)),
  };
}

/**
 * A server that is written as an address must have a certificate for that address. The library does not tell Node which it calls, and Node
 * then takes a certificate for `localhost`: so it is told before each call. For a name the library's `servername` comes first. For a server
 * that another one has told of, by its address, that is the name of the one that told: a certificate for either is taken.
 */
function tlsOptions({ caFile, certFile, keyFile }: TlsFiles): NodeConnectionOptions {
  const tls = {
    ...(caFile === null ? {} : { caFile }),
    ...(certFile === null ? {} : { certFile }),
    ...(keyFile === null ? {} : { keyFile }),
    host: '',
    checkServerIdentity: (asked: string, certificate: PeerCertificate) => {
      const problem = checkServerIdentity(asked, certificate);
      return problem === undefined || tls.host === asked ? problem : checkServerIdentity(tls.host, certificate);
    },
  };
  return {
    tls,
    reconnectToServer: ([next]) => {
      tls.host = next?.hostname ?? '';
      return null;
    },
  };
}
