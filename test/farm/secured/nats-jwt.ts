// Operator, accounts and users of NATS as `nsc` makes them: JWTs signed with nkeys, and the credentials file of a user.
import { randomUUID } from 'node:crypto';
import { nkeys } from '@nats-io/transport-node';

type KeyPair = ReturnType<typeof nkeys.createUser>;

const UNLIMITED = -1;
const MESSAGES = { subs: UNLIMITED, data: UNLIMITED, payload: UNLIMITED };
const ACCOUNT = { imports: UNLIMITED, exports: UNLIMITED, wildcards: true, conn: UNLIMITED, leaf: UNLIMITED };
const JETSTREAM = { mem_storage: UNLIMITED, disk_storage: UNLIMITED, streams: UNLIMITED, consumer: UNLIMITED };

/** One operator with the account of a farm, with JetStream, beside the system account, without which a server has no JetStream here. */
export class NatsOperator {
  readonly #operator = nkeys.createOperator();
  readonly #system = nkeys.createAccount();
  readonly #farm = nkeys.createAccount();

  /** What `nsc generate config --mem-resolver` puts into a server's configuration. */
  serverSettings(): object {
    const system = this.#system.getPublicKey();
    return {
      operator: sign(this.#operator, this.#operator, { type: 'operator', version: 2, system_account: system }),
      system_account: system,
      resolver: 'MEMORY',
      resolver_preload: {
        [system]: sign(this.#operator, this.#system, accountClaims({})),
        [this.#farm.getPublicKey()]: sign(this.#operator, this.#farm, accountClaims(JETSTREAM)),
      },
    };
  }

  /** A credentials file of a new user of the farm's account; `endsAtS`: Unix seconds, as JWTs count. */
  credentials(endsAtS: number | null = null): string {
    const user = nkeys.createUser();
    const claims = { pub: {}, sub: {}, ...MESSAGES, type: 'user', version: 2 };
    const seed = new TextDecoder().decode(user.getSeed());
    return [
      `-----BEGIN NATS USER JWT-----\n${sign(this.#farm, user, claims, endsAtS)}\n------END NATS USER JWT------`,
      `-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`,
    ].join('\n\n');
  }
}

function accountClaims(jetStream: object): object {
  const limits = { ...MESSAGES, ...ACCOUNT, ...jetStream };
  return { limits, default_permissions: { pub: {}, sub: {} }, type: 'account', version: 2 };
}

/** Version 2, signed with Ed25519 by `issuer`, about `subject`. Source: https://docs.nats.io, "JWTs in depth". */
function sign(issuer: KeyPair, subject: KeyPair, nats: object, exp: number | null = null): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const about = { iss: issuer.getPublicKey(), name: 'test', sub: subject.getPublicKey(), nats };
  const claims = { jti: randomUUID(), iat: Math.floor(Date.now() / 1_000), ...(exp === null ? {} : { exp }), ...about };
  const signed = `${part({ typ: 'JWT', alg: 'ed25519-nkey' })}.${part(claims)}`;
  return `${signed}.${Buffer.from(issuer.sign(Buffer.from(signed))).toString('base64url')}`;
}
