// A replay as one self-contained HTML page: a table and two charts per platform, one of moves' gain; no script, nothing loaded from anywhere.
import type { EvacuationReport } from '../policy/evacuation/evacuation-report.ts';
import type { Point } from '../policy/figures.ts';
import type { CourseFigures, PolicyFigures, ReplayReport } from '../policy/replay-report.ts';
import { renderMovesChart } from './evacuation-chart.ts';
import { evacuationHeading, evacuationNotes, figuresRow } from './evacuation-text.ts';
import { CHART_WIDTH, escapeHtml, renderBar, renderLegend } from './page-parts.ts';

const PARTS = ['idle', 'asleep', 'changing', 'waits', 'wear'] as const;
const PART_COLOURS = ['#c77d0a', '#3b7dd8', '#8a63c9', '#d0453e', '#7a8188'] as const;
const LINE_COLOURS = ['#3b7dd8', '#c77d0a', '#2e9e6b', '#8a63c9', '#d0453e', '#7a8188'] as const;

/** The whole page. Names from outside are escaped. */
export function renderReplayPage(reports: readonly ReplayReport[], evacuation: EvacuationReport | null): string {
  const pool = evacuation === null ? [] : [renderEvacuation(evacuation)];
  const sections = [...reports.map(renderPlatform), ...pool].join('\n');
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Torpor replay</title><style>${STYLE}</style></head>
<body><main><h1>What idle policies would have cost</h1>
${sections}
<p class="note">S: share of what the optimum saves against always on. G: share of the way from fixed 10m to the optimum, which knew
the future and woke ahead. Waits at equal sleep: at the hours asleep of fixed 10m, read from each policy's curve.</p>
</main></body></html>
`;
}

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0; } main { max-width: 76rem; margin: 0 auto; padding: 1rem; } h1 { line-height: 1.2; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; max-width: max-content; } th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid #8884; white-space: nowrap; }
thead th { white-space: normal; } th:first-child { text-align: left; position: sticky; left: 0; background: Canvas; }
svg { display: block; width: 100%; max-width: 720px; height: auto; } svg text { fill: currentColor; font-size: 14px; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin: .6rem 0 0; padding: 0; list-style: none; font-size: .9rem; }
.legend i { display: inline-block; width: .8em; height: .8em; margin-right: .4em; }
@media (max-width: 45rem) { svg text { font-size: 27px; } th:first-child { white-space: normal; } th:first-child { max-width: 7.5rem; } }
.axis { stroke: currentColor; stroke-opacity: .35; } .note { opacity: .75; font-size: .9rem; }`;

function renderPlatform(report: ReplayReport): string {
  const days = report.days.toFixed(1);
  return `<section><h2>${escapeHtml(report.platform)}</h2>
<p>${days} days, ${report.people} people, ${report.intervals} idle intervals.</p>
<div class="wide" role="region" tabindex="0" aria-label="Figures of ${escapeHtml(report.platform)}">${renderTable(report)}</div>
<h3>Where the money goes</h3>${renderBars(report)}
<h3>Sleep against waits</h3>${renderCurves(report.policies)}</section>`;
}

function renderTable({ alwaysOn, optimum, optimumNoWake, policies }: ReplayReport): string {
  const heads = [
    'Policy',
    'kWh',
    'Asleep per day',
    'Cycles',
    'Woken ahead',
    'Waits per user-day',
    'Cost',
    'S',
    'G',
    'Waits at equal sleep',
    'Sleep at equal waits',
  ];
  const courses: ReadonlyArray<CourseFigures & Partial<PolicyFigures>> = [
    alwaysOn,
    ...policies,
    optimumNoWake,
    optimum,
  ];
  const rows = courses.map((figures) => {
    const pair = [figures.waitsAtEqualSleep ?? null, figures.sleepAtEqualWaits ?? null];
    const cells = [
      figures.kwh.toFixed(1),
      `${figures.asleepHoursPerDay.toFixed(2)} h`,
      String(figures.cycles),
      String(figures.preWakes),
      figures.waitsPerUserDay.toFixed(3),
      figures.cost.toFixed(2),
      ...[figures.saved, figures.gain, ...pair].map((value) =>
        value === null ? '–' : `${(value * 100).toFixed(1)} %`,
      ),
    ];
    return `<tr><th scope="row">${escapeHtml(figures.name)}</th>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
  });
  return tableOf(heads, rows);
}

const POOL_HEADS = ['Policy', 'kWh', 'Asleep per day', 'Cycles', 'Woken ahead', 'Waits', 'Cost', 'Moves'];

function renderEvacuation(report: EvacuationReport): string {
  const { days, policies } = report;
  const rows = policies.flatMap(({ name, without, with: moved, difference }) => [
    figuresRow(name, without, days, ''),
    figuresRow(`${name}, evacuating`, moved, days, ''),
    figuresRow('difference', difference, days, '+'),
  ]);
  const body = rows.map(
    ([name = '', ...cells]) =>
      `<tr><th scope="row">${escapeHtml(name)}</th>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`,
  );
  const notes = evacuationNotes(report).map((line) => `<p class="note">${escapeHtml(line)}</p>`);
  return `<section><h2>Evacuation</h2>
<p>${escapeHtml(evacuationHeading(report))}.</p>
<div class="wide" role="region" tabindex="0" aria-label="Figures with VMs moved">${tableOf(POOL_HEADS, body)}</div>
<h3>What moving brings</h3>${renderMovesChart(report)}
${notes.join('\n')}</section>`;
}

function tableOf(heads: readonly string[], rows: readonly string[]): string {
  return `<table><thead><tr>${heads.map((head) => `<th scope="col">${head}</th>`).join('')}</tr></thead><tbody>${rows.join('\n')}</tbody></table>`;
}

/** One bar per policy below its name, made of what its cost is made of. Always-on would dwarf them and is left to the table. */
function renderBars({ optimum, optimumNoWake, policies }: ReplayReport): string {
  const courses: readonly CourseFigures[] = [...policies, optimumNoWake, optimum];
  const rowHeight = 58;
  const scale = (CHART_WIDTH - 80) / Math.max(...courses.map(({ cost }) => cost), Number.EPSILON);
  const bars = courses.map((figures, row) => {
    const y = row * rowHeight + 30;
    const parts = PARTS.map((name, index) => ({
      name,
      amount: figures.costOf[name],
      colour: PART_COLOURS[index] as string,
    }));
    return `<text x="0" y="${y - 7}">${escapeHtml(figures.name)}</text>${renderBar(parts, figures.cost.toFixed(2), y, scale)}`;
  });
  const height = courses.length * rowHeight;
  return `<svg viewBox="0 0 ${CHART_WIDTH} ${height}" role="img" aria-label="Cost of each policy by what it is made of">${bars.join('\n')}</svg>${renderLegend(PARTS, PART_COLOURS)}`;
}

/** Each family's curve of waits per day over hours asleep per day: down and right is better. */
function renderCurves(policies: readonly PolicyFigures[]): string {
  const families = policies.filter(
    ({ name, curve }, index) =>
      curve.length > 0 && policies.findIndex((other) => familyOf(other.name) === familyOf(name)) === index,
  );
  if (families.length === 0) return '<p class="note">Left out (--no-curves).</p>';
  const [left, top, height] = [1, 10, 300];
  const points = families.flatMap(({ curve }) => curve);
  const [fromX, toX] = rangeOf(points.map(({ x }) => x));
  const [fromY, toY] = rangeOf([0, ...points.map(({ y }) => y)]);
  const place = ({ x, y }: Point) => [
    left + ((x - fromX) / (toX - fromX)) * (CHART_WIDTH - left - 20),
    top + height - ((y - fromY) / (toY - fromY)) * height,
  ];
  const lines = families.map(({ curve }, index) => {
    const path = [...curve]
      .sort((one, other) => one.x - other.x)
      .map((point) =>
        place(point)
          .map((at) => at.toFixed(1))
          .join(','),
      );
    const colour = LINE_COLOURS[index % LINE_COLOURS.length];
    const dots = path.map((at) => `<circle cx="${at.split(',')[0]}" cy="${at.split(',')[1]}" r="3" fill="${colour}"/>`);
    return `<polyline points="${path.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>${dots.join('')}`;
  });
  const axes = `<line class="axis" x1="${left}" y1="${top + height}" x2="${CHART_WIDTH}" y2="${top + height}"/><line class="axis" x1="${left}" y1="${top}" x2="${left}" y2="${top + height}"/>`;
  const labels = `<text x="${left}" y="${top + height + 28}">${fromX.toFixed(1)} h</text><text x="${CHART_WIDTH}" y="${top + height + 28}" text-anchor="end">${toX.toFixed(1)} h asleep a day</text><text x="${left + 8}" y="${top + 20}">${toY.toFixed(1)} waits a day</text>`;
  const names = families.map(({ name }) => familyOf(name));
  return `<svg viewBox="0 0 ${CHART_WIDTH} ${height + 50}" role="img" aria-label="Waits per day over hours asleep per day">${axes}${labels}${lines.join('\n')}</svg>${renderLegend(names, LINE_COLOURS)}`;
}

function familyOf(name: string): string {
  return name.startsWith('fixed') ? 'fixed' : name;
}

function rangeOf(values: readonly number[]): [number, number] {
  const [from, to] = [Math.min(...values), Math.max(...values)];
  return to > from ? [from, to] : [from, from + 1];
}
