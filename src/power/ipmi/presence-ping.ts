// Asks whether anything at an address speaks RMCP at all, without user or password. Opens no session.
import type { Clock } from '../../platform/ports.ts';
import { decodeAsf, decodeRmcp, encodePresencePing, RMCP_PORT } from './rmcp.ts';
import type { BmcTransport, OpenTransport } from './transport.ts';
import { openUdpTransport } from './udp-transport.ts';

/** Waits after each ping, in milliseconds; after the last the answer is `silent`. */
const PING_WAITS_MS: readonly number[] = [300, 700];
/** Any tag but FFh, which means "do not answer". Source: IPMI v2.0 table 13-5. */
const PING_TAG = 0x54;

/** silent: no answer. refused: the network says that nobody listens. rmcp: RMCP, but no IPMI. ipmi: an IPMI BMC. */
export type Presence = 'silent' | 'refused' | 'rmcp' | 'ipmi';

export interface PresencePingOptions {
  readonly host: string;
  readonly port?: number | undefined;
  readonly clock: Clock;
  readonly openTransport?: OpenTransport | undefined;
}

/**
 * Sends the ASF presence ping. Silence proves little: some BMCs do not answer pings, others answer while IPMI over LAN is
 * switched off. It serves to word an error better. Never rejects. Source: IPMI v2.0 section 13.2.3.
 */
export function pingPresence(options: PresencePingOptions, signal?: AbortSignal): Promise<Presence> {
  const open: OpenTransport =
    options.openTransport ?? ((listener) => openUdpTransport(options.host, options.port ?? RMCP_PORT, listener));
  return new Promise((resolve) => {
    let cancelTimer = () => {};
    let transport: BmcTransport | null = null;
    let done = false;
    const end = (presence: Presence) => {
      if (done) return;
      done = true;
      cancelTimer();
      signal?.removeEventListener('abort', onAbort);
      transport?.close().then(
        () => resolve(presence),
        () => resolve(presence),
      ) ?? resolve(presence);
    };
    const onAbort = () => end('silent');
    const transmit = (pings: number) => {
      const waitMs = PING_WAITS_MS[pings];
      if (waitMs === undefined) return end('silent');
      cancelTimer = options.clock.schedule(waitMs, () => transmit(pings + 1));
      transport?.send(encodePresencePing(PING_TAG));
    };
    signal?.addEventListener('abort', onAbort);
    const listener = {
      packet: (bytes: Uint8Array) => {
        const presence = readPong(bytes);
        if (presence !== null) end(presence);
      },
      failure: () => end('refused'),
    };
    open(listener).then(
      (opened) => {
        transport = opened;
        if (done || signal?.aborted) {
          opened.close().catch(() => {});
          end('silent');
        } else transmit(0);
      },
      () => end('refused'),
    );
  });
}

function readPong(bytes: Uint8Array): Presence | null {
  try {
    const { messageClass, body } = decodeRmcp(bytes);
    if (messageClass !== 'asf') return null;
    const message = decodeAsf(body);
    if (message.type !== 'pong' || message.tag !== PING_TAG) return null;
    return message.supportsIpmi ? 'ipmi' : 'rmcp';
  } catch {
    return null;
  }
}
