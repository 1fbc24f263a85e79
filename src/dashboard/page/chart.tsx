// State and power over time: states as bands behind the curve of watts. Drawn by uPlot; described in words for who cannot see it.
import type { Span } from '../past.ts';
import { Component, h } from '../vendor/preact.js';
import uPlot from '../vendor/uplot.js';

export interface ChartProps {
  readonly spans: readonly Span[];
  readonly watts: ReadonlyArray<{ readonly atMs: number; readonly watts: number }>;
  readonly fromMs: number;
  readonly toMs: number;
  readonly label: string;
}

const HEIGHT = 220;
/** A gap between two readings above which the curve is broken, in parts of the whole. */
const GAP_PARTS = 24;

export class Chart extends Component<ChartProps> {
  #plot: uPlot | null = null;
  #host: HTMLElement | null = null;
  #resize: ResizeObserver | null = null;
  readonly #scheme = matchMedia('(prefers-color-scheme: dark)');
  readonly #redraw = () => this.#build();

  override componentDidMount(): void {
    this.#build();
    this.#resize = new ResizeObserver(() => this.#plot?.setSize({ width: this.#width, height: HEIGHT }));
    if (this.#host !== null) this.#resize.observe(this.#host);
    this.#scheme.addEventListener('change', this.#redraw);
  }

  override componentDidUpdate(before: ChartProps): void {
    const { spans, watts, toMs, fromMs } = this.props;
    const isSame = before.watts === watts && before.spans.length === spans.length;
    if (isSame && Math.abs(before.toMs - toMs) < (toMs - fromMs) / 1000) return;
    this.#plot?.setData(this.#data());
    this.#plot?.setScale('x', { min: fromMs / 1000, max: toMs / 1000 });
  }

  override componentWillUnmount(): void {
    this.#resize?.disconnect();
    this.#scheme.removeEventListener('change', this.#redraw);
    this.#plot?.destroy();
  }

  override render() {
    return (
      <div
        class="chart"
        role="img"
        aria-label={this.props.label}
        ref={(element: HTMLElement | null) => {
          this.#host = element;
        }}
      />
    );
  }

  get #width(): number {
    return Math.max(200, this.#host?.clientWidth ?? 600);
  }

  #data(): uPlot.AlignedData {
    const { watts, fromMs, toMs } = this.props;
    if (watts.length === 0) {
      return [
        [fromMs / 1000, toMs / 1000],
        [null, null],
      ];
    }
    const gapMs = (toMs - fromMs) / GAP_PARTS;
    const xs: number[] = [];
    const ys: Array<number | null> = [];
    for (const [index, { atMs, watts: value }] of watts.entries()) {
      const before = watts[index - 1];
      if (before !== undefined && atMs - before.atMs > gapMs) {
        xs.push((before.atMs + atMs) / 2000);
        ys.push(null);
      }
      xs.push(atMs / 1000);
      ys.push(value);
    }
    return [xs, ys];
  }

  #build(): void {
    this.#plot?.destroy();
    if (this.#host === null) return;
    const ink = colour('--muted');
    const { fromMs, toMs, watts } = this.props;
    const axis = {
      stroke: ink,
      grid: { stroke: colour('--line'), width: 1 },
      ticks: { show: false },
      font: '12px "Public Sans Variable", sans-serif',
    };
    const options: uPlot.Options = {
      width: this.#width,
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: true, min: fromMs / 1000, max: toMs / 1000 },
        y: { range: (_plot, _min, max) => [0, watts.length === 0 ? 1 : Math.max(10, max * 1.15)] },
      },
      axes: [
        {
          ...axis,
          grid: { show: false },
          space: 70,
          values: (_plot, splits) => splits.map((at) => timeLabel(at, toMs - fromMs)),
        },
        {
          ...axis,
          grid: { show: watts.length > 0, stroke: colour('--line'), width: 1 },
          size: watts.length === 0 ? 12 : 56,
          values: (_plot, splits) => splits.map((split) => (watts.length === 0 ? '' : `${split} W`)),
        },
      ],
      series: [{}, { stroke: colour('--curve'), width: 1.75, points: { show: false }, paths: stepped() }],
      hooks: { drawClear: [(plot) => this.#drawSpans(plot)] },
    };
    this.#plot = new uPlot(options, this.#data(), this.#host);
  }

  #drawSpans(plot: uPlot): void {
    const { ctx, bbox } = plot;
    for (const { state, fromMs, toMs } of this.props.spans) {
      const left = Math.max(bbox.left, plot.valToPos(fromMs / 1000, 'x', true));
      const right = Math.min(bbox.left + bbox.width, plot.valToPos(toMs / 1000, 'x', true));
      if (right <= left) continue;
      ctx.fillStyle = colour(`--band-${state}`);
      ctx.fillRect(left, bbox.top, Math.max(1, right - left), bbox.height);
    }
  }
}

/** A reading holds until the next one. */
function stepped(): uPlot.Series.PathBuilder {
  const paths = uPlot.paths.stepped;
  if (paths === undefined) throw new Error('uPlot has no stepped paths');
  return paths({ align: 1 });
}

/** The hour within a day, the weekday within a week. */
function timeLabel(atSeconds: number, lengthMs: number): string {
  const at = new Date(atSeconds * 1000);
  if (lengthMs > 2 * 86_400_000) return at.toLocaleDateString('en', { weekday: 'short' });
  const seconds = lengthMs < 15 * 60_000 ? ({ second: '2-digit' } as const) : {};
  return at.toLocaleTimeString('en', { hour: '2-digit', minute: '2-digit', ...seconds, hour12: false });
}

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim() || 'transparent';
}
