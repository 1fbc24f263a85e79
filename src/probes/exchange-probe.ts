// Probe `exchange`: a VM that answers something sent to it runs, whatever stands in between. Knows no protocol.
import type { Clock } from '../platform/ports.ts';
import { AnswerProbe } from './answer-probe.ts';
import { DEFAULT_TIMEOUT_MS } from './question.ts';
import type { ProbeTarget } from './tcp-question.ts';

/** What is sent where a configuration does not say: an empty line. */
export const DEFAULT_SEND = '\n';

export interface ExchangeOptions {
  /** null: DEFAULT_SEND. */
  readonly send: string | null;
  /** Text that must be part of the answer; null: any byte will do. */
  readonly expect: string | null;
}

export class ExchangeProbe extends AnswerProbe {
  constructor(clock: Clock, target: ProbeTarget, options: ExchangeOptions, timeoutMs: number = DEFAULT_TIMEOUT_MS) {
    const { send, expect } = options;
    super(clock, { kind: 'exchange', target, send: send ?? DEFAULT_SEND, expect, timeoutMs });
  }
}
