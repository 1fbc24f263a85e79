// Writes a bench's rows into README.md, between markers that name the bench, so that all rows of a table come from one run.
import { readFile, writeFile } from 'node:fs/promises';

const README = new URL('../README.md', import.meta.url);

/** Replaces what stands between `<!-- bench:NAME -->` and `<!-- /bench:NAME -->` by `lines`. Throws where README has no such place. */
export async function writeRows(name, lines, file = README) {
  const text = await readFile(file, 'utf8');
  const [begin, end] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${file}: no place "${begin}" … "${end}"`);
  await writeFile(file, `${text.slice(0, from + begin.length)}\n${lines.join('\n')}\n${text.slice(to)}`);
}

/** A Markdown table. */
export function tableOf([head, ...rows]) {
  const line = (cells) => `| ${cells.join(' | ')} |`.replace(/ {2,}/g, ' ');
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}

/** The rows of LZ4 in the module against liblz4, one a deed: the geometric mean of its corpora, the worst and the best. */
export function lz4Rows(native) {
  const deeds = groupBy(native);
  const rows = [...deeds].map(([deed, all]) => {
    const speeds = all.map(({ speedRatio }) => speedRatio);
    const sizes = all.flatMap(({ sizeRatio }) => (typeof sizeRatio === 'number' ? [sizeRatio] : []));
    return [deed, spanOf(speeds, 2), sizes.length === 0 ? '' : spanOf(sizes, 3)];
  });
  return tableOf([[`liblz4 = 1 (${native[0]?.peer ?? 'not there'})`, 'speed', 'size'], ...rows]);
}

export function timerRows(timers) {
  const cell = (value, unit) => (value === null ? '' : `${value.median.toFixed(value.median < 100 ? 1 : 0)} ${unit}`);
  const rows = timers.map(({ name, touch, touchShuffled, atOnce, longestMs, spread }) => [
    `\`${name.replace('torpor ', '')}\``,
    ...[touch, touchShuffled, atOnce].map((value) => cell(value, 'ns')),
    cell(longestMs, 'ms'),
    cell(spread, 'ns'),
  ]);
  const head = [
    '',
    'touch',
    'in any order',
    'expiry, all at once',
    'the loop is kept',
    'expiry, spread over ten minutes',
  ];
  return tableOf([head, ...rows]);
}

/** `results` and `idle` as bench/data-path.mjs has them. */
export function pathRows({ results, idle, idleStreams }) {
  const peers = Object.keys(idle).filter((name) => name !== 'torpor');
  const own = (key, decimals, scale = 1) => (results[key].torpor.median * scale).toFixed(decimals);
  const row = (label, value, keys) => [
    label,
    value,
    ...peers.map((peer) => keys.map((key) => results[key][peer].torporToIt.median.toFixed(2)).join('; ')),
  ];
  const count = Number(own('connects', 0)).toLocaleString('en');
  const rate = Number(own('fullRate', 0)).toLocaleString('en');
  return tableOf([
    ['', 'Torpor', ...peers.map((peer) => `to ${peer}`)],
    row('bulk, 1 stream; 8 streams', `${own('bulkOne', 2)}; ${own('bulkEight', 2)} GB/s`, ['bulkOne', 'bulkEight']),
    row('CPU per gigabyte, 1 stream; 8 streams', `${own('bulkOneCpu', 2)}; ${own('bulkEightCpu', 2)} s`, [
      'bulkOneCpu',
      'bulkEightCpu',
    ]),
    row(
      'echo of 64 B, 100 streams, 20/s each: p50; p99',
      `${own('pacedP50', 2, 0.001)}; ${own('pacedP99', 1, 0.001)} ms`,
      ['pacedP50', 'pacedP99'],
    ),
    row('the same one after the other: messages; p99', `${rate}/s; ${own('fullP99', 1, 0.001)} ms`, [
      'fullRate',
      'fullP99',
    ]),
    row('connections', `${count}/s`, ['connects']),
    [
      `${idleStreams.toLocaleString('en')} idle streams: memory each`,
      `${idle.torpor.kibPerStream.toFixed(1)} KiB`,
      ...peers.map((peer) => (idle.torpor.kibPerStream / idle[peer].kibPerStream).toFixed(2)),
    ],
  ]);
}

function spanOf(values, decimals) {
  const mean = Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
  if (values.length === 1) return mean.toFixed(decimals);
  return `${mean.toFixed(decimals)} (${Math.min(...values).toFixed(decimals)} to ${Math.max(...values).toFixed(decimals)})`;
}

/** Map.groupBy, which Node 20 does not have. */
function groupBy(rows) {
  const groups = new Map();
  for (const row of rows) groups.set(row.deed, [...(groups.get(row.deed) ?? []), row]);
  return groups;
}
