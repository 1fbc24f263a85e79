// Probe `tcp`: a VM that completes a connection runs. An address translator in between answers for a sleeping VM: then use exchange.
import { formatEndpoint } from '../platform/endpoint.ts';
import type { Clock } from '../platform/ports.ts';
import { type BoundedProbe, DEFAULT_TIMEOUT_MS } from './question.ts';
import { askTcp, type ProbeTarget, TCP_QUESTIONS_OPEN_MAX } from './tcp-question.ts';

export class TcpProbe implements BoundedProbe {
  readonly name: string;
  readonly timeoutMs: number;
  readonly maxOpen = TCP_QUESTIONS_OPEN_MAX;
  readonly connects = true;
  readonly #clock: Clock;
  readonly #target: ProbeTarget;

  constructor(clock: Clock, target: ProbeTarget, timeoutMs: number = DEFAULT_TIMEOUT_MS) {
    this.#clock = clock;
    this.#target = target;
    this.timeoutMs = timeoutMs;
    this.name = `tcp ${formatEndpoint(target)}`;
  }

  ask(signal: AbortSignal): Promise<boolean> {
    const question = { target: this.#target, timeoutMs: this.timeoutMs, send: null, isAnswer: null };
    return askTcp(this.#clock, question, signal);
  }
}
