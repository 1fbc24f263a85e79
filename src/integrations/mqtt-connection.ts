// One connection to an MQTT broker that is made again whenever it breaks. Queues nothing: who publishes says again what is, at each connect.
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { errorText } from '../platform/errors.ts';
import type { Clock, Logger } from '../platform/ports.ts';
import {
  type BrokerPacket,
  CONNACK_TEXTS,
  DISCONNECT,
  encodeConnect,
  encodePublish,
  encodeSubscribe,
  type MqttMessage,
  PacketReader,
  PINGREQ,
} from './mqtt-packets.ts';

/** A connection that does not come up, or a broker that says nothing, is given up after this time. */
const ANSWER_BOUND_MS = 10_000;
const KEEP_ALIVE_SECONDS = 30;
/** Between two attempts; it doubles with each up to the second. */
const RECONNECT_MS = 1_000;
const RECONNECT_MAX_MS = 60_000;
/** A broker that takes nothing any more is left at so many bytes: it gets the whole state anew at the next connect. */
const UNSENT_MAX_BYTES = 256 * 1024;

export interface MqttConnectionOptions {
  readonly host: string;
  readonly port: number;
  /** null: plain TCP. `ca`: the authorities that count, in PEM. */
  readonly tls: { readonly ca: readonly string[] } | null;
  readonly clientId: string;
  readonly user: string | null;
  readonly password: string | null;
  readonly will: MqttMessage;
  readonly topics: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
  /** It stands, and was told of the topics: everything that is to be known is published now. */
  readonly onConnected: () => void;
  /** `retain`: somebody published it at some time before this connection (MQTT 3.1.1, section 3.3.1.3). */
  readonly onMessage: (topic: string, payload: string, retain: boolean) => void;
}

export class MqttConnection {
  readonly #options: MqttConnectionOptions;
  #socket: Socket | null = null;
  #isUp = false;
  #isStopped = false;
  #pauseMs = RECONNECT_MS;
  /** Said once until it stands again. */
  #saidProblem = '';
  #awaitsPing = false;
  #cancel: () => void = () => {};

  constructor(options: MqttConnectionOptions) {
    this.#options = options;
  }

  start(): void {
    this.#connect();
  }

  /** Does nothing while there is no connection. */
  publish(message: MqttMessage): void {
    const socket = this.#socket;
    if (socket === null || !this.#isUp) return;
    if (socket.writableLength > UNSENT_MAX_BYTES) {
      socket.destroy(new Error('it takes nothing any more'));
      return;
    }
    socket.write(encodePublish(message));
  }

  /** Says a last word and goes in order, so that the broker does not publish the will. */
  async stop(last: MqttMessage): Promise<void> {
    this.#isStopped = true;
    this.#cancel();
    const socket = this.#socket;
    if (socket === null) return;
    if (!this.#isUp) return void socket.destroy();
    this.publish(last);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => socket.destroy(), 1_000);
      socket.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
      socket.end(DISCONNECT);
    });
  }

  #connect(): void {
    const { host, port, tls, clock } = this.#options;
    const reader = new PacketReader();
    const socket =
      tls === null
        ? connectTcp({ host, port })
        : connectTls({ host, port, ca: [...tls.ca], ...(isIP(host) === 0 ? { servername: host } : {}) });
    this.#socket = socket;
    this.#awaitsPing = false;
    let problem = 'the broker closed the connection';
    socket.once(tls === null ? 'connect' : 'secureConnect', () => {
      const { clientId, user, password, will } = this.#options;
      socket.write(encodeConnect({ clientId, keepAliveSeconds: KEEP_ALIVE_SECONDS, user, password, will }));
    });
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const packet of reader.push(chunk)) this.#take(packet);
      } catch (error) {
        socket.destroy(error as Error);
      }
    });
    socket.on('error', (error) => {
      problem = errorText(error);
    });
    socket.once('close', () => this.#broke(problem));
    this.#cancel = clock.schedule(ANSWER_BOUND_MS, () => socket.destroy(new Error('no answer in time')));
  }

  #take(packet: BrokerPacket): void {
    if (packet.kind === 'publish') this.#options.onMessage(packet.topic, packet.payload, packet.retain);
    else if (packet.kind === 'pingresp') this.#awaitsPing = false;
    else if (packet.kind === 'suback' && packet.refused)
      this.#options.log.warn({}, 'the MQTT broker refuses a topic: commands from it do nothing');
    else if (packet.kind === 'connack') this.#accepted(packet.code);
  }

  #accepted(code: number): void {
    const { log, topics, host, port, onConnected } = this.#options;
    if (code !== 0) throw new Error(CONNACK_TEXTS[code] ?? `the broker refuses (${code})`);
    this.#isUp = true;
    this.#pauseMs = RECONNECT_MS;
    this.#saidProblem = '';
    if (topics.length > 0) this.#socket?.write(encodeSubscribe(1, topics));
    log.info({ broker: `${host}:${port}` }, 'connected to the MQTT broker');
    this.#schedulePing();
    onConnected();
  }

  #schedulePing(): void {
    this.#cancel();
    this.#cancel = this.#options.clock.schedule((KEEP_ALIVE_SECONDS * 1000) / 2, () => {
      if (this.#awaitsPing) return void this.#socket?.destroy(new Error('it does not answer any more'));
      this.#awaitsPing = true;
      this.#socket?.write(PINGREQ);
      this.#schedulePing();
    });
  }

  #broke(problem: string): void {
    const { log, clock, host, port } = this.#options;
    this.#cancel();
    this.#isUp = false;
    this.#socket = null;
    if (this.#isStopped) return;
    if (problem !== this.#saidProblem)
      log.warn({ broker: `${host}:${port}` }, `no MQTT broker: ${problem}; tried again and again`);
    this.#saidProblem = problem;
    this.#cancel = clock.schedule(this.#pauseMs, () => this.#connect());
    this.#pauseMs = Math.min(2 * this.#pauseMs, RECONNECT_MAX_MS);
  }
}
