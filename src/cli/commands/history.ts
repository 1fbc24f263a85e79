// `torpor history export`: all that is remembered, table by table, as JSON lines or CSV. Asked of a running Torpor.
import { Argument, type Command, Option } from 'commander';
import { HISTORY_TABLES, type HistoryTable } from '../../platform/history.ts';
import type { CliIo } from '../cli-io.ts';
import { apiOption, type ClientOptions, clientFor, readDurationMs } from '../command-options.ts';

interface ExportOptions extends ClientOptions {
  readonly format: 'jsonl' | 'csv';
  readonly last?: string;
}

export function addHistoryCommand(program: Command, io: CliIo): void {
  const history = program.command('history').description('what is remembered across restarts');
  history
    .command('export')
    .description('write one table of the history to stdout, oldest rows first')
    .addArgument(new Argument('<table>', 'events, transitions, pool, samples, wakes or runs').choices(HISTORY_TABLES))
    .addOption(
      new Option('--format <format>', 'JSON lines, or CSV with a heading').choices(['jsonl', 'csv']).default('jsonl'),
    )
    .option('--last <duration>', 'only the last 2h, 30d; left out: everything')
    .addOption(apiOption())
    .action((table: HistoryTable, options: ExportOptions) => exportTable(table, options, io));
}

async function exportTable(table: HistoryTable, options: ExportOptions, io: CliIo): Promise<void> {
  const fromMs = options.last === undefined ? 0 : Date.now() - readDurationMs(options.last);
  const bytes = clientFor(io, options).exportHistory(table, options.format, Math.max(0, Math.round(fromMs)));
  for await (const chunk of bytes) await io.outBytes(chunk);
}
