// All that was ever written into the farm's bucket, in the store's own order and at the store's own times: read from outside of every Torpor.
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { type PlatformRecord, parseRecord } from '../../../src/farm/platform-record.ts';
import { eventually } from '../../support/eventually.ts';

const STREAM = 'KV_torpor';
const PREFIX = '$KV.torpor.';
/** Versions of a key that the bucket keeps for who looks later, as while a server is away. NATS knows no more. */
const VERSIONS_KEPT = 64;
const ASK_BOUND_MS = 5_000;
/** Between two looks where nothing new was found. */
const LOOK_MS = 25;

/** One write. */
export interface StoreWrite {
  readonly revision: number;
  readonly key: string;
  /** Null: removed. */
  readonly value: string | null;
  /** When the store took it: the wall clock of this machine, milliseconds. */
  readonly atMs: number;
}

export interface RecordWrite extends StoreWrite {
  readonly platform: string;
  readonly record: PlatformRecord;
}

interface StoredMessage {
  readonly subject: string;
  readonly seq: number;
  readonly time: string;
  readonly hdrs?: string;
  readonly data?: string;
}

export class StoreLog implements AsyncDisposable {
  readonly writes: StoreWrite[] = [];
  readonly #connection: NatsConnection;
  readonly #listeners = new Set<(write: StoreWrite) => void>();
  readonly #following: Promise<void>;
  #isOver = false;

  private constructor(connection: NatsConnection) {
    this.#connection = connection;
    this.#following = this.#follow();
  }

  /** The bucket is there already. From here on it keeps what is overwritten, too. */
  static async open(servers: readonly string[]): Promise<StoreLog> {
    const connection = await connect({ servers: [...servers], maxReconnectAttempts: -1, reconnectTimeWait: 100 });
    await eventually('the bucket to keep what is overwritten', async () => {
      const { config } = (await ask(connection, `STREAM.INFO.${STREAM}`)) as { config: object };
      const kept = { ...config, max_msgs_per_subject: VERSIONS_KEPT };
      return (await ask(connection, `STREAM.UPDATE.${STREAM}`, kept)) !== null;
    });
    return new StoreLog(connection);
  }

  onWrite(listener: (write: StoreWrite) => void): void {
    this.#listeners.add(listener);
  }

  get records(): RecordWrite[] {
    return this.writes.flatMap((write) => asRecord(write) ?? []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#following;
    await this.#connection.close();
  }

  async #follow(): Promise<void> {
    while (!this.#isOver) {
      const write = await this.#next().catch(() => null);
      if (write === null) await sleep(LOOK_MS);
      else {
        this.writes.push(write);
        for (const listener of this.#listeners) listener(write);
      }
    }
  }

  /** Null: there is none yet. Rejects where the store does not answer. */
  async #next(): Promise<StoreWrite | null> {
    const seq = (this.writes.at(-1)?.revision ?? 0) + 1;
    const answer = await ask(this.#connection, `STREAM.MSG.GET.${STREAM}`, { seq, next_by_subj: `${PREFIX}>` });
    if (answer === null) return null;
    const { message } = answer as { message: StoredMessage };
    const isRemoved = decode(message.hdrs).includes('KV-Operation: DEL');
    return {
      revision: message.seq,
      key: message.subject.slice(PREFIX.length),
      value: isRemoved ? null : decode(message.data),
      atMs: Date.parse(message.time),
    };
  }
}

/** Null where it is no write of a platform's record. */
export function asRecord(write: StoreWrite): RecordWrite | null {
  const [kind, ...rest] = write.key.split('.');
  const record = kind === 'platform' && write.value !== null ? parseRecord(write.value) : null;
  return record === null ? null : { ...write, platform: rest.join('.'), record };
}

/** JetStream's own API. Null: nothing found. */
async function ask(connection: NatsConnection, what: string, body: object = {}): Promise<object | null> {
  const message = await connection.request(`$JS.API.${what}`, JSON.stringify(body), { timeout: ASK_BOUND_MS });
  const answer = message.json<{ error?: { code: number; description: string } }>();
  if (answer.error?.code === 404) return null;
  if (answer.error !== undefined) throw new Error(`${what}: ${answer.error.description}`);
  return answer;
}

function decode(base64 = ''): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}
