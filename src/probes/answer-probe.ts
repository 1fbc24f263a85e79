// What the probes `banner` and `exchange` have alike: a VM whose service says what is expected runs. Whether it is told something first is theirs.
import { formatEndpoint } from '../platform/endpoint.ts';
import type { Clock } from '../platform/ports.ts';
import type { BoundedProbe } from './question.ts';
import { askTcp, type ProbeTarget, TCP_QUESTIONS_OPEN_MAX } from './tcp-question.ts';

export interface AnswerProbeOptions {
  readonly kind: 'banner' | 'exchange';
  readonly target: ProbeTarget;
  /** null: nothing is sent. */
  readonly send: string | null;
  /** Text that must be part of what the service says; null: any byte will do. */
  readonly expect: string | null;
  readonly timeoutMs: number;
}

export abstract class AnswerProbe implements BoundedProbe {
  readonly name: string;
  readonly timeoutMs: number;
  readonly maxOpen = TCP_QUESTIONS_OPEN_MAX;
  readonly connects = true;
  readonly #clock: Clock;
  readonly #target: ProbeTarget;
  readonly #send: Buffer | null;
  readonly #expect: Buffer;

  constructor(clock: Clock, { kind, target, send, expect, timeoutMs }: AnswerProbeOptions) {
    this.#clock = clock;
    this.#target = target;
    this.#send = send === null ? null : Buffer.from(send);
    this.#expect = Buffer.from(expect ?? '');
    this.timeoutMs = timeoutMs;
    this.name = `${kind} ${formatEndpoint(target)}`;
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
