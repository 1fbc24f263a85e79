// A state as a phase of the moon. It decorates: the state's word stands beside it.
import { litPath, PHASES } from '../moon-shape.ts';
import type { StateName } from '../shapes.ts';
import { h } from '../vendor/preact.js';

const RADIUS = 9;

export function Moon({ state }: { readonly state: StateName }) {
  const lit = litPath(PHASES[state], RADIUS);
  return (
    <svg class={`moon moon-${state}`} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <circle class="moon-halo" cx="12" cy="12" r={RADIUS + 2.2} />
      <circle class="moon-disc" cx="12" cy="12" r={RADIUS} />
      {lit === '' ? null : <path class="moon-lit" d={lit} />}
      {state === 'failed' ? <path class="moon-mark" d="M12 6.6v6.6M12 16.4v.6" /> : null}
    </svg>
  );
}
