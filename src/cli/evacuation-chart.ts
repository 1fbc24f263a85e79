// What moving VMs brings, as a chart: each policy's cost without it and with it, made of what it is made of. Draws, reckons nothing new.
import type { CostModel } from '../policy/cost-model.ts';
import type { EvacuatedPolicy, EvacuationReport, PoolFigures } from '../policy/evacuation/evacuation-report.ts';
import { type BarPart, CHART_WIDTH, escapeHtml, renderBar, renderLegend } from './page-parts.ts';

const PARTS = ['energy', 'moving', 'waits', 'wear'] as const;
/** As on the page's other charts, where they have the same part. */
const COLOURS = ['#3b7dd8', '#2e9e6b', '#d0453e', '#7a8188'] as const;
const ROW_HEIGHT = 116;
/** From a row's upper edge to the base of its heading, and to the upper edges of its bars. */
const [HEADING_Y, WITHOUT_Y, WITH_Y] = [24, 40, 74];
/** Room for the widest label after a bar, on a phone. */
const LABEL_WIDTH = 230;

/** One pair of bars a policy, the gain in words above it. */
export function renderMovesChart({ policies, costs }: EvacuationReport): string {
  const dearest = Math.max(...policies.flatMap((policy) => [policy.without.cost, policy.with.cost]), Number.EPSILON);
  const scale = (CHART_WIDTH - LABEL_WIDTH) / dearest;
  const rows = policies.map((policy, row) => {
    const y = row * ROW_HEIGHT;
    const bar = (figures: PoolFigures, word: string, at: number) =>
      renderBar(partsOf(figures, costs), `${figures.cost.toFixed(2)} ${word}`, y + at, scale);
    const heading = `<text x="0" y="${y + HEADING_Y}">${escapeHtml(gainOf(policy))}</text>`;
    return `${heading}${bar(policy.without, 'without', WITHOUT_Y)}${bar(policy.with, 'with moves', WITH_Y)}`;
  });
  return `<svg viewBox="0 0 ${CHART_WIDTH} ${policies.length * ROW_HEIGHT}" role="img" aria-label="Cost of each policy without and with VMs moved">${rows.join('\n')}</svg>${renderLegend(PARTS, COLOURS)}`;
}

/** `fixed 10m: 8.25 less (27.0 %), 12 moves`. */
function gainOf({ name, without, with: moved, difference }: EvacuatedPolicy): string {
  const gain = Math.abs(difference.cost).toFixed(2);
  const moves = `${moved.moves} ${moved.moves === 1 ? 'move' : 'moves'}`;
  if (Number(gain) === 0) return `${name}: no difference, ${moves}`;
  const share = without.cost > 0 ? ` (${((100 * Math.abs(difference.cost)) / without.cost).toFixed(1)} %)` : '';
  return `${name}: ${gain} ${difference.cost < 0 ? 'less' : 'more'}${share}, ${moves}`;
}

/** Of a cost: energy while idle or asleep, what moving took, waits and wear. */
function partsOf({ cost, movingKwh, waits, cycles }: PoolFigures, costs: CostModel): BarPart[] {
  const moving = movingKwh * costs.pricePerKwh;
  const [waited, worn] = [waits * costs.pricePerWait, cycles * costs.pricePerCycle];
  // Sums may be off by a last digit.
  const amounts = [Math.max(0, cost - moving - waited - worn), moving, waited, worn];
  return PARTS.map((name, index) => ({ name, amount: amounts[index] as number, colour: COLOURS[index] as string }));
}
