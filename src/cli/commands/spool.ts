// `torpor spool list|deliver|drop`: the jobs that wait on disk for sleeping platforms.
import type { Command } from 'commander';
import { TorporError } from '../../platform/errors.ts';
import type { SpoolJobStatus } from '../../platform/spool.ts';
import { formatBytes, formatDuration } from '../../platform/units.ts';
import { type CliIo, printJson, printLines } from '../cli-io.ts';
import { apiOption, type ClientOptions, clientFor, jsonOption } from '../command-options.ts';
import { plainText, type Style, styleFor } from '../style.ts';
import { alignRows } from '../table.ts';

interface DropOptions extends ClientOptions {
  readonly yes?: boolean;
}

export function addSpoolCommands(program: Command, io: CliIo): void {
  const spool = program.command('spool').description('jobs that wait on disk for sleeping platforms');
  spool
    .command('list')
    .description('list them, in the order of their delivery')
    .addOption(apiOption())
    .addOption(jsonOption())
    .action((options: ClientOptions) => list(options, io));
  spool
    .command('deliver')
    .description('deliver all jobs of a platform now, and wake it for them where it sleeps')
    .argument('<platform>', 'its name')
    .addOption(apiOption())
    .addOption(jsonOption())
    .action((platform: string, options: ClientOptions) => deliver(platform, options, io));
  spool
    .command('drop')
    .description('forget one job: it is never delivered')
    .argument('<platform>', 'its name')
    .argument('<job>', 'the job, as `spool list` names it')
    .option('--yes', 'it is meant: the job is lost')
    .addOption(apiOption())
    .addOption(jsonOption())
    .action((platform: string, job: string, options: DropOptions) => drop(platform, job, options, io));
}

async function list(options: ClientOptions, io: CliIo): Promise<void> {
  const client = clientFor(io, options);
  const jobs = await client.spool();
  if (options.json) printJson(io, jobs);
  else printLines(io, ...formatJobs(jobs, client.nowMs(), styleFor(io)));
}

async function deliver(platform: string, options: ClientOptions, io: CliIo): Promise<void> {
  const client = clientFor(io, options);
  const jobs = (await client.spool()).filter((job) => job.platform === platform).length;
  const status = await client.deliverSpool(platform);
  if (options.json) return printJson(io, status);
  const what = jobs === 1 ? '1 spooled job' : `${jobs} spooled jobs`;
  if (jobs === 0) printLines(io, `nothing is spooled for ${status.name}`);
  else printLines(io, `${status.name} is ${status.state}; ${what} will be delivered: see torpor spool list`);
}

async function drop(platform: string, job: string, options: DropOptions, io: CliIo): Promise<void> {
  if (options.yes !== true)
    throw new TorporError('ERR_CLI_USAGE', `the job ${job} would be lost: if that is meant, add --yes`);
  const status = await clientFor(io, options).dropSpooled(platform, job);
  if (options.json) printJson(io, status);
  else printLines(io, `dropped the job ${job} of ${status.name}`);
}

/** The table of jobs: a heading, then one line each, and below what went wrong. */
function formatJobs(jobs: readonly SpoolJobStatus[], nowMs: number, style: Style): string[] {
  if (jobs.length === 0) return ['nothing is spooled'];
  const heading = ['PLATFORM', 'VM', 'JOB', 'CLIENT', 'SIZE', 'ON DISK', 'SAFE SINCE', 'DUE', 'STATE'];
  const rows = jobs.map((job) => [
    plainText(job.platform),
    plainText(job.vm),
    plainText(job.id),
    plainText(job.client),
    formatBytes(job.contentBytes),
    formatBytes(job.fileBytes),
    formatDuration(Math.max(0, nowMs - job.endedAtMs)),
    job.dueAtMs <= nowMs ? 'now' : `in ${formatDuration(job.dueAtMs - nowMs)}`,
    job.failures === 0 ? job.state : style.bad(`${job.state}, failed ${job.failures} times`),
  ]);
  const problems = jobs.flatMap(({ id, problem }) => (problem === null ? [] : [`${id}: ${plainText(problem)}`]));
  return [...alignRows([heading.map((cell) => style.faint(cell)), ...rows]), ...problems];
}
