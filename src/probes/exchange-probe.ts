// Probe `exchange`: a VM that answers something sent to it runs, whatever stands in between. Knows no protocol.
import { formatEndpoint } from '../platform/endpoint.ts';
import type { Clock } from '../platform/ports.ts';
import { type BoundedProbe, DEFAULT_TIMEOUT_MS } from './question.ts';
import { askTcp, type ProbeTarget, TCP_QUESTIONS_OPEN_MAX } from './tcp-question.ts';

/** What is sent where a configuration does not say: an empty line. */
export const DEFAULT_SEND = '\n';

export interface ExchangeOptions {
  /** null: DEFAULT_SEND. */
  readonly send: string | null;
  /** Text that must be part of the answer; null: any byte will do. */
  readonly expect: string | null;
}

export class ExchangeProbe implements BoundedProbe {
  readonly name: string;
  readonly timeoutMs: number;
  readonly maxOpen = TCP_QUESTIONS_OPEN_MAX;
  readonly connects = true;
  readonly #clock: Clock;
  readonly #target: ProbeTarget;
  readonly #send: Buffer;
  readonly #expect: Buffer;

  constructor(clock: Clock, target: ProbeTarget, options: ExchangeOptions, timeoutMs: number = DEFAULT_TIMEOUT_MS) {
    this.#clock = clock;
    this.#target = target;
    this.#send = Buffer.from(options.send ?? DEFAULT_SEND);
    this.#expect = Buffer.from(options.expect ?? '');
    this.timeoutMs = timeoutMs;
    this.name = `exchange ${formatEndpoint(target)}`;
  }

  ask(signal: AbortSignal, onReached?: () => void): Promise<boolean> {
    const question = {
      target: this.#target,
      timeoutMs: this.timeoutMs,
      send: this.#send,
      isAnswer: (received: Buffer) => received.includes(this.#expect),
    };
    return askTcp(this.#clock, question, signal, onReached);
  }
}
