// The shared store in NATS JetStream: one key-value bucket, and subjects beside it. Knows nothing of what the keys mean.
import { type KV, type KvEntry, Kvm } from '@nats-io/kv';
import { createInbox, headers, type NatsConnection, type QueuedIterator } from '@nats-io/transport-node';
import { errorText, TorporError } from '../../platform/errors.ts';
import type { Clock, Logger } from '../../platform/ports.ts';
import type {
  RemoveAnswer,
  SharedStore,
  StoreEntry,
  StoreStatus,
  StoreWatch,
  WatchListener,
  WriteAnswer,
} from '../shared-store.ts';
import { type NatsAccess, openNats } from './nats-access.ts';
import { explainRefusal } from './nats-refusal.ts';

const WRITE_BOUND_MS = 3_000;
/** Between two tries to connect: from, doubled up to. */
const CONNECT_AGAIN_MS = { first: 500, most: 15_000 };
/** So many reasons why there is no connection are logged, each once, until there is one. */
const LOGGED_REASONS_MAX = 16;
const WATCH_AGAIN_MS = 1_000;
/** What is asked while the servers choose a leader is lost. A watch is given up after so long: from, doubled up to. The library waits 5 s. */
const WATCH_OPENS_MS = { first: 1_500, most: 6_000 };
/** Stands in every bucket, so that a watch over it always tells something, and says what the others are written in. */
const FORMAT_KEY = 'format';
const FORMAT = '1';
/** "Wrong last sequence": the key is not at the revision that was expected. Source: JetStream API error codes. */
const CONFLICT_CODES: readonly unknown[] = [10071, 10164];

export interface NatsStoreOptions extends NatsAccess {
  readonly bucket: string;
  /** On how many servers each key is kept, where the bucket is made by this Torpor. */
  readonly replicas: number;
  /** A write that is not answered within this time is unknown. Default 3 s. */
  readonly writeBoundMs?: number;
  readonly clock: Clock;
  readonly log: Logger;
}

interface Watching {
  readonly listener: WatchListener;
  turn: number;
  opensMs: number;
}

export class NatsStore implements SharedStore {
  readonly #options: NatsStoreOptions;
  readonly #watching = new Set<Watching>();
  readonly #statusListeners = new Set<(status: StoreStatus) => void>();
  /** Made anew on each connection: how to subscribe. */
  readonly #subscriptions = new Set<Subscribed>();
  #connection: NatsConnection | null = null;
  #bucket: KV | null = null;
  readonly #loggedReasons = new Set<string>();
  #isClosed = false;
  /** How many connections were lost so far. */
  #losses = 0;
  #status: StoreStatus = { connected: false, why: 'not connected yet' };

  /** Connects behind, and for ever again. */
  constructor(options: NatsStoreOptions) {
    this.#options = options;
    void this.#stayConnected();
  }

  get status(): StoreStatus {
    return this.#status;
  }

  onStatus(listener: (status: StoreStatus) => void): () => void {
    this.#statusListeners.add(listener);
    return () => this.#statusListeners.delete(listener);
  }

  async get(key: string): Promise<StoreEntry | null> {
    try {
      const entry = await this.#open().get(key);
      return entry === null || entry.operation !== 'PUT' ? null : toStoreEntry(entry);
    } catch (thrown) {
      const what = `reading ${key} from the store: ${errorText(thrown)}`;
      throw new TorporError('ERR_STORE_UNREACHABLE', what, { retryable: true, cause: thrown });
    }
  }

  async create(key: string, value: string): Promise<WriteAnswer> {
    const answer = await this.#write(key, value, 0);
    if (answer.outcome !== 'conflict') return answer;
    try {
      // A removed key has a revision, too: that of its removal.
      const entry = await this.#open().get(key);
      if (entry === null || entry.operation === 'PUT') return answer;
      return this.#write(key, value, entry.revision);
    } catch (thrown) {
      return { outcome: 'unknown', why: errorText(thrown) };
    }
  }

  update(key: string, value: string, revision: number): Promise<WriteAnswer> {
    return this.#write(key, value, revision);
  }

  async remove(key: string, revision: number): Promise<RemoveAnswer> {
    const answer = await this.#write(key, null, revision);
    return answer.outcome === 'written' ? { outcome: 'removed' } : answer;
  }

  watch(listener: WatchListener): StoreWatch {
    const watching = { listener, turn: 0, opensMs: WATCH_OPENS_MS.first };
    this.#watching.add(watching);
    if (this.#status.connected) this.#begin(watching);
    return {
      again: () => this.#begin(watching),
      stop: () => {
        watching.turn += 1;
        this.#watching.delete(watching);
      },
    };
  }

  publish(subject: string, text: string): void {
    if (this.#status.connected) this.#connection?.publish(this.#subject(subject), text);
  }

  subscribe(subject: string, onText: (text: string) => void): () => void {
    return this.#subscribe(subject, (message) => onText(message.text));
  }

  answer(subject: string, reply: (text: string) => Promise<string>): () => void {
    return this.#subscribe(subject, async ({ text, respond }) => {
      try {
        respond(await reply(text));
      } catch (thrown) {
        this.#options.log.warn({ subject, error: errorText(thrown) }, 'a question of another Torpor was not answered');
      }
    });
  }

  ask(subject: string, text: string, { most, boundMs }: { most: number; boundMs: number }): Promise<string[]> {
    const connection = this.#connection;
    if (connection === null || !this.#status.connected || most === 0) return Promise.resolve([]);
    return new Promise((resolve) => {
      const answers: string[] = [];
      const inbox = createInbox();
      const end = () => {
        cancel();
        subscription.unsubscribe();
        resolve(answers);
      };
      const cancel = this.#options.clock.schedule(boundMs, end);
      const subscription = connection.subscribe(inbox, {
        callback: (problem, message) => {
          // A message without bytes says that nobody listens.
          if (problem !== null || message.data.length === 0) return end();
          answers.push(message.string());
          if (answers.length >= most) end();
        },
      });
      connection.publish(this.#subject(subject), text, { reply: inbox });
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const watching of this.#watching) watching.turn += 1;
    this.#watching.clear();
    this.#setStatus({ connected: false, why: 'closed' });
    await this.#connection?.close().catch(() => {});
  }

  /**
   * Compare-and-set twice over. A cluster of servers before 2.10 compares `Nats-Expected-Last-Subject-Sequence` when it proposes a write
   * and, unless it is 0, not when it applies it: of several writes at one revision all may be acknowledged (seen with 2.9.10). The
   * message id is compared when it is applied, so that of all writes at one revision of a key only the first is ever stored.
   */
  async #write(key: string, value: string | null, revision: number): Promise<WriteAnswer> {
    try {
      this.#open();
      const connection = this.#connection as NatsConnection;
      const head = headers();
      head.set('Nats-Expected-Last-Subject-Sequence', `${revision}`);
      if (revision > 0) head.set('Nats-Msg-Id', `${key}@${revision}`);
      if (value === null) head.set('KV-Operation', 'DEL');
      const timeout = this.#options.writeBoundMs ?? WRITE_BOUND_MS;
      const subject = `$KV.${this.#options.bucket}.${key}`;
      const message = await connection.request(subject, value ?? '', { headers: head, timeout });
      return readWriteAnswer(message.json<PublishAnswer>());
    } catch (thrown) {
      return { outcome: 'unknown', why: errorText(thrown) };
    }
  }

  #subject(subject: string): string {
    return `torpor.${this.#options.bucket}.${subject}`;
  }

  #open(): KV {
    if (this.#bucket !== null && this.#status.connected) return this.#bucket;
    throw new TorporError('ERR_STORE_UNREACHABLE', this.#status.why, { retryable: true });
  }

  #setStatus(status: StoreStatus): void {
    const before = this.#status;
    if (before.connected === status.connected && before.why === status.why) return;
    this.#status = status;
    const facts = { servers: this.#options.servers, bucket: this.#options.bucket };
    if (status.connected) {
      this.#loggedReasons.clear();
      this.#options.log.info(facts, `the shared store: ${status.why}`);
    } else if (before.connected || this.#isNews(status.why)) {
      const todo = status.todo == null ? '' : `; ${status.todo}`;
      this.#options.log.warn(facts, `the shared store: ${status.why}${todo}`);
    }
    for (const listener of this.#statusListeners) listener(status);
  }

  #isNews(why: string): boolean {
    if (this.#isClosed || this.#loggedReasons.has(why) || this.#loggedReasons.size >= LOGGED_REASONS_MAX) return false;
    this.#loggedReasons.add(why);
    return true;
  }

  #refused(thrown: unknown, before = ''): void {
    if (this.#isClosed) return;
    const { what, todo } = explainRefusal(thrown, this.#options, Date.now());
    this.#setStatus({ connected: false, why: `${before}${what}`, todo });
  }

  async #stayConnected(): Promise<void> {
    let waitMs = CONNECT_AGAIN_MS.first;
    while (!this.#isClosed) {
      try {
        await this.#connect();
        waitMs = CONNECT_AGAIN_MS.first;
        await this.#follow();
      } catch (thrown) {
        this.#refused(thrown);
      }
      await this.#connection?.close().catch(() => {});
      this.#connection = null;
      this.#bucket = null;
      if (this.#isClosed) return;
      await this.#wait(waitMs);
      waitMs = Math.min(2 * waitMs, CONNECT_AGAIN_MS.most);
    }
  }

  async #connect(): Promise<void> {
    const connection = await openNats(this.#options, true);
    this.#connection = connection;
    if (this.#isClosed) return;
    await this.#makeBucket(connection);
    for (const each of this.#subscriptions) each.begin(connection);
    this.#connected();
  }

  #connected(): void {
    if (this.#isClosed || this.#connection === null) return;
    this.#setStatus({ connected: true, why: `connected with ${this.#connection.getServer()}` });
    for (const watching of this.#watching) this.#begin(watching);
  }

  /** Where it is not there yet. */
  async #makeBucket(connection: NatsConnection): Promise<void> {
    const { bucket, replicas } = this.#options;
    // Direct reads come from any replica, and so may be old.
    const made = await new Kvm(connection).create(bucket, { replicas, history: 1, allow_direct: false });
    await this.#checkFormat(made);
    this.#bucket = made;
  }

  async #checkFormat(bucket: KV): Promise<void> {
    const entry = await bucket.get(FORMAT_KEY);
    if (entry === null) {
      await bucket.create(FORMAT_KEY, FORMAT).catch((thrown) => {
        if (!isConflict(thrown)) throw thrown;
      });
      return;
    }
    if (entry.string() === FORMAT) return;
    const what = `the bucket ${this.#options.bucket} is of format ${entry.string()}, this Torpor knows ${FORMAT} only`;
    throw new TorporError('ERR_STORE_UNREACHABLE', `${what}: bring this Torpor up to date`);
  }

  /** Resolves when the connection is gone for good; the library goes from server to server before that. */
  async #follow(): Promise<void> {
    const connection = this.#connection;
    if (connection === null) return;
    for await (const status of connection.status()) {
      // It says so at each try that comes to nothing, too.
      if (status.type === 'disconnect' && this.#status.connected) void this.#gone(status.server);
      if (status.type === 'reconnect') this.#connected();
      if (status.type === 'close') break;
    }
    throw (await connection.closed()) ?? new TorporError('ERR_STORE_UNREACHABLE', 'it was closed');
  }

  /** The library goes from server to server for as long as it takes, without a word why in vain: a connection beside it asks. */
  async #gone(server: string): Promise<void> {
    this.#setStatus({ connected: false, why: `${server} is gone` });
    this.#losses += 1;
    const [connection, loss] = [this.#connection, this.#losses];
    const isOver = () =>
      this.#status.connected || this.#isClosed || this.#connection !== connection || this.#losses !== loss;
    let waitMs = CONNECT_AGAIN_MS.first;
    for (;;) {
      await this.#wait(waitMs);
      waitMs = Math.min(2 * waitMs, CONNECT_AGAIN_MS.most);
      if (isOver()) return;
      try {
        await (await openNats(this.#options, false)).close();
      } catch (thrown) {
        if (!isOver()) this.#refused(thrown, `${server} is gone: `);
      }
    }
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => this.#options.clock.schedule(ms, () => resolve()));
  }

  #begin(watching: Watching): void {
    watching.turn += 1;
    watching.listener.onBegin();
    void this.#pump(watching, watching.turn);
  }

  async #pump(watching: Watching, turn: number): Promise<void> {
    const isOver = () => watching.turn !== turn || this.#isClosed;
    let isCaughtUp = false;
    try {
      const entries = await this.#openWatch(watching.opensMs);
      for await (const entry of entries) {
        if (isOver()) break;
        if (entry.key !== FORMAT_KEY) watching.listener.onEntry(toStoreEntry(entry));
        if (!isCaughtUp && entry.delta === 0) {
          isCaughtUp = true;
          watching.opensMs = WATCH_OPENS_MS.first;
          watching.listener.onCaughtUp();
        }
      }
      entries.stop();
    } catch (thrown) {
      this.#options.log.debug({ error: errorText(thrown) }, 'a watch of the shared store ended');
      watching.opensMs = Math.min(2 * watching.opensMs, WATCH_OPENS_MS.most);
      if (!isOver()) void this.#remakeBucket();
    }
    // While there is no connection the next one begins it.
    this.#options.clock.schedule(WATCH_AGAIN_MS, () => {
      if (!isOver() && this.#status.connected) this.#begin(watching);
    });
  }

  /** Rejects with ERR_STORE_UNREACHABLE at the bound. */
  async #openWatch(boundMs: number): Promise<QueuedIterator<KvEntry>> {
    const opening = this.#open().watch();
    let cancel = () => {};
    const late = new Promise<null>((resolve) => {
      cancel = this.#options.clock.schedule(boundMs, () => resolve(null));
    });
    try {
      const entries = await Promise.race([opening, late]);
      if (entries !== null) return entries;
      void opening.then(
        (tooLate) => tooLate.stop(),
        () => {},
      );
      throw new TorporError('ERR_STORE_UNREACHABLE', `a watch was not open within ${boundMs} ms`, { retryable: true });
    } finally {
      cancel();
    }
  }

  /** The servers may have come back without their disks, and the library connected with them again. */
  async #remakeBucket(): Promise<void> {
    const connection = this.#connection;
    if (connection === null || !this.#status.connected) return;
    await this.#makeBucket(connection).catch((thrown) => {
      this.#options.log.debug({ error: errorText(thrown) }, 'the bucket of the shared store was not made anew');
    });
  }

  #subscribe(subject: string, onMessage: (message: Received) => unknown): () => void {
    const subscribed = new Subscribed(this.#subject(subject), onMessage);
    this.#subscriptions.add(subscribed);
    if (this.#connection !== null) subscribed.begin(this.#connection);
    return () => {
      subscribed.end();
      this.#subscriptions.delete(subscribed);
    };
  }
}

interface Received {
  readonly text: string;
  respond(text: string): void;
}

/** One subscription over all connections; within one the library keeps it. */
class Subscribed {
  readonly #subject: string;
  readonly #onMessage: (message: Received) => unknown;
  #connection: NatsConnection | null = null;
  #unsubscribe: () => void = () => {};

  constructor(subject: string, onMessage: (message: Received) => unknown) {
    this.#subject = subject;
    this.#onMessage = onMessage;
  }

  begin(connection: NatsConnection): void {
    if (this.#connection === connection) return;
    this.#connection = connection;
    const subscription = connection.subscribe(this.#subject, {
      callback: (problem, message) => {
        if (problem !== null) return;
        this.#onMessage({ text: message.string(), respond: (text) => void message.respond(text) });
      },
    });
    this.#unsubscribe = () => subscription.unsubscribe();
  }

  end(): void {
    this.#unsubscribe();
  }
}

/** A stream's answer to a message. Source: JetStream's wire API, `io.nats.jetstream.api.v1.pub_ack_response`. */
interface PublishAnswer {
  readonly seq?: number;
  readonly duplicate?: boolean;
  readonly error?: { readonly err_code?: number; readonly description?: string };
}

function readWriteAnswer({ seq, duplicate, error }: PublishAnswer): WriteAnswer {
  if (error !== undefined) {
    if (CONFLICT_CODES.includes(error.err_code)) return { outcome: 'conflict' };
    return { outcome: 'unknown', why: error.description ?? 'the store refused it' };
  }
  if (seq === undefined) return { outcome: 'unknown', why: 'an answer that is none of a stream' };
  return duplicate === true ? { outcome: 'conflict' } : { outcome: 'written', revision: seq };
}

function isConflict(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && CONFLICT_CODES.includes(thrown.code);
}

function toStoreEntry(entry: KvEntry): StoreEntry {
  return { key: entry.key, value: entry.operation === 'PUT' ? entry.string() : null, revision: entry.revision };
}
