// The shape of a state as a phase of the moon: lit is awake, new is asleep, waning on the way down and waxing on the way up.
import type { StateName } from './shapes.ts';

export interface Phase {
  /** 0: new, 1: full. */
  readonly lit: number;
  readonly side: 'left' | 'right';
}

export const PHASES: Readonly<Record<StateName, Phase>> = {
  starting: { lit: 0, side: 'left' },
  awake: { lit: 1, side: 'left' },
  drowsy: { lit: 0.78, side: 'left' },
  saving: { lit: 0.5, side: 'left' },
  suspending: { lit: 0.22, side: 'left' },
  asleep: { lit: 0, side: 'left' },
  waking: { lit: 0.38, side: 'right' },
  failed: { lit: 0, side: 'left' },
};

/** The lit part of a disc around 12,12 as the path of an SVG; empty where nothing is lit. */
export function litPath({ lit, side }: Phase, radius: number): string {
  if (lit <= 0) return '';
  const top = 12 - radius;
  const bottom = 12 + radius;
  const rx = radius * Math.abs(1 - 2 * lit);
  const outer = side === 'left' ? 0 : 1;
  const bulges = lit > 0.5;
  const inner = bulges === (side === 'left') ? 0 : 1;
  return `M12 ${top}A${radius} ${radius} 0 0 ${outer} 12 ${bottom}A${rx} ${radius} 0 0 ${inner} 12 ${top}Z`;
}
