// HTTP as the Redfish client needs it, as a port: one question, one answer. Behind it https-port.ts, or a test's memory.
import type { PressFence } from '../../platform/ports.ts';

/**
 * once: on a connection of its own, in one go, never again. repeatable: on a kept connection, and once more on a new one where the
 * kept one had been closed by the BMC meanwhile.
 */
export type Delivery = 'once' | 'repeatable';

export interface HttpQuestion {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** With its query; begins with a slash. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly delivery: Delivery;
  /** For a delivery `once`: asked when its connection stands. Where it is shut the question rejects with ERR_POWER_FENCED, unsent. */
  readonly fence?: PressFence | undefined;
  /** Called right before the first byte may leave: whatever fails before that has certainly done nothing. */
  readonly onSent?: (() => void) | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** As much as arrived. */
  readonly body: Uint8Array;
  /** Why the body is not whole, for people; null where it is. The status counts all the same. */
  readonly bodyProblem: string | null;
}

export interface HttpPort {
  /** `host:port` */
  readonly peer: string;
  readonly host: string;
  /** For people: `TLS, certificate pinned`. */
  readonly security: string;
  /**
   * Rejects with ERR_REDFISH_UNREACHABLE, ERR_REDFISH_CERTIFICATE, ERR_REDFISH_TIMEOUT (also when the signal aborts) or
   * ERR_REDFISH_PROTOCOL.
   */
  ask(question: HttpQuestion, signal: AbortSignal): Promise<HttpAnswer>;
  /** Ends all connections at once. */
  close(): void;
}
