// Lets web clients in: judges their request, answers it, and makes of their socket what a stream needs. Bounds of listeners are left to their owner.
import type { IncomingMessage } from 'node:http';
import { type WebSocket, WebSocketServer } from 'ws';
import { errorText, TorporError } from '../platform/errors.ts';
import type { Clock } from '../platform/ports.ts';
import type { WebSocketRule } from '../platform/web-socket-rule.ts';
import type { Arrival } from '../streams/arrival.ts';
import type { SocketPort } from '../streams/socket-port.ts';
import type { StreamSocket } from '../streams/stream-socket.ts';
import type { WebDoor, WebVerdict } from '../streams/web-door.ts';
import { httpRefusal, type RefusalStatus } from './http-refusal.ts';
import { PortDuplex } from './port-duplex.ts';
import { headBytes } from './request-head.ts';
import type { TunnelCodec, TunnelSubprotocol } from './tunnel-codec.ts';
import { judgeUpgrade, type UpgradeRequest } from './upgrade-request.ts';
import { WebStream } from './web-stream.ts';
import { WebTokens } from './web-tokens.ts';

/** Of one message: each may be a byte long, and takes a place in memory. */
const FRAGMENTS_MAX = 4096;

export interface WebGateOptions {
  readonly clock: Clock;
  /** Those that are more than the bytes themselves. */
  readonly subprotocols?: readonly TunnelSubprotocol[];
}

/** One for all listeners of a process. */
export class WebGate implements WebDoor {
  readonly #clock: Clock;
  readonly #codecs: ReadonlyMap<string, TunnelSubprotocol>;
  readonly #tokens = new WebTokens();
  /** Without a server of its own: it only makes WebSockets of sockets. By the longest message that they take. */
  readonly #makers = new Map<number, WebSocketServer>();

  constructor({ clock, subprotocols = [] }: WebGateOptions) {
    this.#clock = clock;
    this.#codecs = new Map(subprotocols.map((each) => [each.name, each]));
  }

  /** WebDoor. */
  judge(client: StreamSocket, arrival: Arrival, rule: WebSocketRule): WebVerdict {
    const bytes = Buffer.from(arrival.firstBytes);
    const length = headBytes(bytes);
    const { port } = arrival;
    if (length === null || port === null) return refused(400, 'the request is not whole');
    try {
      const accepts = (shown: readonly string[]) => this.#tokens.accepts(rule.tokenFile ?? '', shown);
      const judgement = judgeUpgrade(bytes.toString('latin1', 0, length - 4), this.#withRoom(rule), accepts);
      if ('status' in judgement) return refused(judgement.status, judgement.why);
      const codec = this.#openCodec(judgement);
      const accept = () =>
        this.#accept({ client, port, rule, request: judgement, codec, rest: bytes.subarray(length) });
      return { kind: 'stream', accept };
    } catch (error) {
      const why = errorText(error);
      return { kind: 'refused', why, answer: httpRefusal(503, 'not now: try again later; the log says why') };
    }
  }

  /** What needs memory that is used up is not spoken for the moment. */
  #withRoom(rule: WebSocketRule): WebSocketRule {
    const hasRoom = (name: string) => this.#codecs.get(name)?.hasRoom ?? true;
    return rule.subprotocols.every(hasRoom) ? rule : { ...rule, subprotocols: rule.subprotocols.filter(hasRoom) };
  }

  #openCodec({ subprotocol }: UpgradeRequest): (() => TunnelCodec) | null {
    const known = subprotocol === null ? undefined : this.#codecs.get(subprotocol);
    return known === undefined ? null : () => known.open();
  }

  #accept(call: {
    readonly client: StreamSocket;
    readonly port: SocketPort;
    readonly rule: WebSocketRule;
    readonly request: UpgradeRequest;
    readonly codec: (() => TunnelCodec) | null;
    readonly rest: Buffer;
  }): StreamSocket {
    const { client: socket, port, rule, request, rest } = call;
    const codec = call.codec?.() ?? null;
    const duplex = new PortDuplex(port);
    let webSocket: WebSocket | null = null;
    this.#makerOf(rule).handleUpgrade(asMessage(request), duplex, rest, (made) => {
      webSocket = made;
    });
    if (webSocket === null) {
      codec?.close();
      throw new TorporError('ERR_INTERNAL', 'the client was gone before its WebSocket was open');
    }
    return new WebStream({ webSocket, duplex, socket, rule, codec, clock: this.#clock });
  }

  #makerOf({ maxMessageBytes }: WebSocketRule): WebSocketServer {
    const known = this.#makers.get(maxMessageBytes);
    if (known !== undefined) return known;
    const made = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      // A window of its own for each client: its memory, and its share of a secret, are for the subprotocol to decide.
      perMessageDeflate: false,
      autoPong: false,
      maxPayload: maxMessageBytes,
      maxFragments: FRAGMENTS_MAX,
      handleProtocols: (offered) => offered.values().next().value ?? false,
    } as ConstructorParameters<typeof WebSocketServer>[0]);
    this.#makers.set(maxMessageBytes, made);
    return made;
  }
}

function refused(status: RefusalStatus, why: string): WebVerdict {
  return { kind: 'refused', why: `${status}: ${why}`, answer: httpRefusal(status, why) };
}

/** What ws reads of a request: it was judged before, so only what the answer rests on is left. */
function asMessage({ key, subprotocol }: UpgradeRequest): IncomingMessage {
  const headers = {
    upgrade: 'websocket',
    'sec-websocket-key': key,
    'sec-websocket-version': '13',
    ...(subprotocol === null ? {} : { 'sec-websocket-protocol': subprotocol }),
  };
  return { method: 'GET', url: '/', headers } as unknown as IncomingMessage;
}
