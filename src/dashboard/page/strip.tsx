// A day of one platform as a strip: asleep is night, awake is day.
import { knownMs, type Span, timeIn } from '../past.ts';
import { h } from '../vendor/preact.js';
import { clock } from '../words.ts';

export interface StripProps {
  readonly spans: readonly Span[];
  readonly fromMs: number;
  readonly toMs: number;
}

export function Strip({ spans, fromMs, toMs }: StripProps) {
  const known = knownMs(spans);
  const asleepMs = timeIn(spans, 'asleep');
  const x = (atMs: number) => (100 * (atMs - fromMs)) / (toMs - fromMs);
  const label = known === 0 ? 'no history yet' : `asleep ${clock(asleepMs)} of the last ${clock(known)}`;
  return (
    <figure class="strip">
      <svg viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label={label}>
        <rect class="strip-unknown" x="0" y="4.6" width="100" height="0.8" />
        {spans.map(({ state, fromMs: start, toMs: end }) => (
          <rect
            key={start}
            class={`span-${state}`}
            x={x(start)}
            y={state === 'asleep' ? 3.4 : 0}
            width={Math.max(0.25, x(end) - x(start))}
            height={state === 'asleep' ? 3.2 : 10}
          />
        ))}
      </svg>
      <figcaption>{label}</figcaption>
    </figure>
  );
}
