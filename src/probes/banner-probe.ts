// Probe `banner`: a VM whose service speaks first (SSH, RFB, SMTP) and did so runs. Sends nothing.
import { formatEndpoint } from '../platform/endpoint.ts';
import type { Clock } from '../platform/ports.ts';
import { type BoundedProbe, DEFAULT_TIMEOUT_MS } from './question.ts';
import { askTcp, type ProbeTarget, TCP_QUESTIONS_OPEN_MAX } from './tcp-question.ts';

export class BannerProbe implements BoundedProbe {
  readonly name: string;
  readonly timeoutMs: number;
  readonly maxOpen = TCP_QUESTIONS_OPEN_MAX;
  readonly connects = true;
  readonly #clock: Clock;
  readonly #target: ProbeTarget;
  readonly #expect: Buffer;

  /** `expect`: text that must be part of what the service says first; null: any byte will do. */
  constructor(clock: Clock, target: ProbeTarget, expect: string | null, timeoutMs: number = DEFAULT_TIMEOUT_MS) {
    this.#clock = clock;
    this.#target = target;
    this.#expect = Buffer.from(expect ?? '');
    this.timeoutMs = timeoutMs;
    this.name = `banner ${formatEndpoint(target)}`;
  }

  ask(signal: AbortSignal, onReached?: () => void): Promise<boolean> {
    const question = {
      target: this.#target,
      timeoutMs: this.timeoutMs,
      send: null,
      isAnswer: (received: Buffer) => received.includes(this.#expect),
    };
    return askTcp(this.#clock, question, signal, onReached);
  }
}
