// Measures Torpor beside its peers in one run: a table on stdout, the raw results as JSON in artifacts/.
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { benchEmbedding, formatEmbedding } from './embedding.mjs';
import { benchLz4 } from './lz4.mjs';
import { benchLz4Native, formatNative } from './lz4-native.mjs';
import { describeMachine, machineLine } from './machine.mjs';
import { readOptions, WHOLE } from './options.mjs';
import { lz4Rows, timerRows, writeRows } from './readme-rows.mjs';
import { benchTimerTable, formatTimerTable } from './timer-table.mjs';
import { benchTimers } from './timers.mjs';

const ARTIFACTS = new URL('../artifacts/', import.meta.url);

const values = readOptions({
  script: 'bench',
  about: 'Measures LZ4, timers and the core as a part beside their peers; raw results go to artifacts/.',
  options: {
    quick: { about: 'fewer and shorter rounds' },
    seed: { kind: WHOLE, default: 1, about: 'of what is drawn at random' },
    readme: { about: "writes README's rows of LZ4 and timers" },
  },
});
const { seed } = values;

const seconds = values.quick ? 0.2 : 2;
const rows = [
  ...(await benchLz4({ seconds, blocks: values.quick ? 4 : 16, seed })),
  ...(await benchTimers({ seconds, streamCounts: values.quick ? [1000] : [100, 1000, 10_000] })),
];
const native = await benchLz4Native({
  rounds: values.quick ? 5 : 15,
  milliseconds: values.quick ? 20 : 60,
  corpusBytes: 1024 * 1024,
  seed,
});
const machine = describeMachine();
const embedding = await benchEmbedding({
  rounds: values.quick ? 3 : 9,
  milliseconds: values.quick ? 10 : 40,
  corpusBytes: values.quick ? 256 * 1024 : 1024 * 1024,
  seed,
});
const timers = await benchTimerTable({
  timers: values.quick ? 100_000 : 1_000_000,
  rounds: values.quick ? 5 : 9,
  seed,
});
const file = new URL(`bench-${new Date().toISOString().replaceAll(':', '-')}.json`, ARTIFACTS);
await mkdir(ARTIFACTS, { recursive: true });
await writeFile(
  file,
  `${JSON.stringify({ seed, quick: values.quick, machine, rows, native, embedding, timers }, null, 2)}\n`,
);

printTable(rows);
if (native.length > 0) console.log(`\nLZ4 in the module against ${native[0].peer}\n${formatNative(native).join('\n')}`);
if (embedding.blocks.length > 0) console.log(`\nThe core as a part\n${formatEmbedding(embedding).join('\n')}`);
console.log(`\nTimers\n${formatTimerTable(timers).join('\n')}`);
console.log(`\n${machineLine(machine)}, seed ${seed}`);
console.log(`median of the samples; spread is the interquartile range; "to peer" is against the last row of its group`);
console.log(`raw results: ${fileURLToPath(file)}`);
if (values.readme) {
  const where = `${machineLine(machine)}, seed ${seed}${values.quick ? ', `--quick`' : ''}`;
  if (native.length > 0) await writeRows('lz4', ['', ...lz4Rows(native), '', `${where}.`, '']);
  await writeRows('timers', ['', ...timerRows(timers), '', `${where}.`, '']);
}

function printTable(all) {
  const cells = all.map((row) => {
    const peer = all.filter(({ subject, corpus }) => subject === row.subject && corpus === row.corpus).at(-1);
    return [
      row.subject,
      row.corpus,
      row.name,
      `${row.value.toFixed(row.value < 100 ? 1 : 0)} ${row.unit}`,
      `±${(row.spread * 50).toFixed(0)}%`,
      `${(row.lowerIsBetter ? peer.value / row.value : row.value / peer.value).toFixed(2)}x`,
      row.ratio === undefined ? '' : row.ratio.toFixed(2),
      String(row.samples),
    ];
  });
  const table = [['subject', 'corpus', 'rival', 'median', 'spread', 'to peer', 'ratio', 'samples'], ...cells];
  const widths = table[0].map((_, column) => Math.max(...table.map((line) => line[column].length)));
  for (const line of table)
    console.log(
      line
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    );
}
