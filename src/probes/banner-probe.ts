// Probe `banner`: a VM whose service speaks first (SSH, RFB, SMTP) and did so runs. Sends nothing.
import type { Clock } from '../platform/ports.ts';
import { AnswerProbe } from './answer-probe.ts';
import { DEFAULT_TIMEOUT_MS } from './question.ts';
import type { ProbeTarget } from './tcp-question.ts';

export class BannerProbe extends AnswerProbe {
  /** `expect`: text that must be part of what the service says first; null: any byte will do. */
  constructor(clock: Clock, target: ProbeTarget, expect: string | null, timeoutMs: number = DEFAULT_TIMEOUT_MS) {
    super(clock, { kind: 'banner', target, send: null, expect, timeoutMs });
  }
}
