// The dashboard and the alert rules that Torpor ships, and docs/metrics.md: whatever they name is really on the page.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { METRICS } from '../../src/metrics/metric-table.ts';
import { TorporMetrics } from '../../src/metrics/torpor-metrics.ts';
import { FakeFarm } from '../api/fakes/fake-farm.ts';
import { FakeClock } from '../support/fake-clock.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string) => readFileSync(`${ROOT}${path}`, 'utf8');

/** Every metric that a page can hold, histograms with their series. */
async function metricsOnPage(): Promise<Map<string, readonly string[]>> {
  const metrics = new TorporMetrics({ platforms: [], version: '1', clock: new FakeClock(), history: null });
  const text = await metrics.page(new FakeFarm()).render();
  const found = new Map<string, readonly string[]>([['up', ['job']]]);
  for (const [, name] of text.matchAll(/^# TYPE (\S+) /gm)) found.set(name as string, ['job', 'instance']);
  for (const [name, { type, labels }] of Object.entries(METRICS)) {
    found.set(name, labels);
    if (type === 'histogram')
      for (const end of ['_bucket', '_sum', '_count']) found.set(`${name}${end}`, [...labels, 'le']);
  }
  return found;
}

const WORDS = /\b(?:torpor|process|nodejs)_[a-z0-9_]+\b|\bup\b/g;

function namesIn(expression: string): string[] {
  return expression.match(WORDS) ?? [];
}

/** Labels that selectors and aggregations of one expression name. */
function labelsIn(expression: string): string[] {
  const selectors = [...expression.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g)].map(([, label]) => label as string);
  const groups = [...expression.matchAll(/\b(?:by|without|on|ignoring)\s*\(([^)]*)\)/g)].flatMap(([, list]) =>
    (list as string).split(',').map((label) => label.trim()),
  );
  return [...selectors, ...groups].filter((label) => label !== '');
}

interface Panel {
  readonly title: string;
  readonly id: number;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets: ReadonlyArray<{ readonly expr: string; readonly legendFormat: string }>;
}

const dashboard = JSON.parse(read('recipes/grafana/torpor-dashboard.json')) as {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: ReadonlyArray<{ readonly name: string; readonly query: string }> };
};
const rules = (
  parse(read('recipes/prometheus/torpor-alerts.yaml')) as {
    readonly groups: ReadonlyArray<{
      readonly rules: ReadonlyArray<{ readonly alert: string; readonly expr: string }>;
    }>;
  }
).groups.flatMap((group) => group.rules);

describe('recipes for metrics', () => {
  const expressions = [
    ...dashboard.panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [`panel "${title}"`, expr] as const)),
    ...rules.map(({ alert, expr }) => [`alert ${alert}`, expr] as const),
    ...dashboard.templating.list.map(({ name, query }) => [`variable ${name}`, query] as const),
  ];

  it.each(expressions)('%s -> names metrics and labels that there are', async (_where, expression) => {
    const known = await metricsOnPage();
    const names = namesIn(expression);
    expect(names.filter((name) => !known.has(name))).toEqual([]);
    const labels = new Set(names.flatMap((name) => known.get(name) ?? []));
    expect(labelsIn(expression).filter((label) => !labels.has(label))).toEqual([]);
  });

  it('the dashboard -> panels with different ids that do not overlap, each with a query', () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const taken = new Set<string>();
    for (const { title, targets, gridPos } of dashboard.panels) {
      expect(targets.length, title).toBeGreaterThan(0);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          expect(taken.has(`${x} ${y}`), title).toBe(false);
          taken.add(`${x} ${y}`);
        }
      }
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
    }
  });

  it('the rules -> at least one for each way in which a user would be let down', () => {
    const words = ['torpor_platform_state', 'torpor_wakes_total', 'torpor_bmc_up', 'torpor_wake_path_proven', 'up'];
    for (const word of words)
      expect(
        rules.some(({ expr }) => namesIn(expr).includes(word)),
        word,
      ).toBe(true);
  });
});

describe('docs/metrics.md', () => {
  it('its table -> that of the code', () => {
    const rows = Object.entries(METRICS).map(([name, { type, labels, help }]) => {
      const shown = labels.map((label) => `\`${label}\``).join(', ');
      return `| \`${name}\` | ${type} | ${shown} | ${help.replaceAll('|', '\\|')} |`;
    });
    const found = read('docs/metrics.md')
      .split('\n')
      .filter((line) => line.startsWith('| `torpor_'));
    expect(found).toEqual(rows);
  });
});
