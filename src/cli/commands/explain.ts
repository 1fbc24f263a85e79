// `torpor explain PLATFORM`: why a platform is in its state, and who keeps it there.
import type { Command } from 'commander';
import { nameInhibitor } from '../../platform/inhibitor.ts';
import type { Explanation } from '../../platform/status.ts';
import { formatDuration } from '../../platform/units.ts';
import { type CliIo, printJson, printLines } from '../cli-io.ts';
import { apiOption, type ClientOptions, clientFor, jsonOption } from '../command-options.ts';
import { plainText, type Style, styleFor } from '../style.ts';
import { alignRows } from '../table.ts';

export function addExplainCommand(program: Command, io: CliIo): void {
  program
    .command('explain')
    .description('tell why a platform stays as it is, and who keeps it awake')
    .argument('<platform>', 'its name')
    .addOption(apiOption())
    .addOption(jsonOption())
    .action((platform: string, options: ClientOptions) => explain(platform, options, io));
}

async function explain(platform: string, options: ClientOptions, io: CliIo): Promise<void> {
  const client = clientFor(io, options);
  const explanation = await client.explain(platform);
  if (options.json) printJson(io, explanation);
  else printLines(io, ...formatExplanation(explanation, client.nowMs(), styleFor(io)));
}

/** The summary, then what keeps it awake and until when, what the checks said, then who is active. */
export function formatExplanation(explanation: Explanation, nowMs: number, style: Style): string[] {
  const lines = [plainText(explanation.summary)];
  if (explanation.blockers.length > 0) {
    const rows = explanation.blockers.map((blocker) => [
      `  ${blocker.kind}`,
      plainText(blocker.why),
      blocker.untilMs === null ? '' : style.faint(`${formatDuration(blocker.untilMs - nowMs)} more`),
    ]);
    lines.push('', style.faint('What keeps it from sleeping:'), ...alignRows(rows));
  }
  if (explanation.checks.length > 0) lines.push('', ...formatChecks(explanation, nowMs, style));
  if (explanation.activeStreams.length > 0) lines.push('', ...formatActive(explanation, nowMs, style));
  if (explanation.quietStreams.length > 0) lines.push('', ...formatQuiet(explanation, nowMs, style));
  return lines;
}

/** What each check said last, whether it keeps it awake or not. */
function formatChecks({ checks }: Explanation, nowMs: number, style: Style): string[] {
  const rows = checks.map((check) => [
    `  ${nameInhibitor(check)}`,
    check.blocks ? style.warn(check.outcome) : check.outcome,
    check.outcome === 'pending' ? '' : `${formatDuration(nowMs - check.atMs)} ago`,
    plainText(check.why),
  ]);
  return [style.faint('What the checks said last:'), ...alignRows(rows)];
}

function formatActive({ activeStreams }: Explanation, nowMs: number, style: Style): string[] {
  const heading = ['  CLIENT', 'VM', 'SPEAKS', 'ACTIVE FOR', 'LAST ACTIVITY', 'IDLE IN AT MOST', 'LAST BYTES'];
  const rows = activeStreams.map(({ stream, sinceMs, idleAtMs, why }) => [
    `  ${plainText(stream.client)}`,
    plainText(stream.vm),
    plainText(stream.speaks),
    formatDuration(nowMs - sinceMs),
    `${formatDuration(nowMs - stream.lastActiveAtMs)} ago: ${plainText(stream.lastActiveWhy === '' ? why : stream.lastActiveWhy)}`,
    formatDuration(idleAtMs - nowMs),
    plainText(stream.verdict),
  ]);
  return [style.faint('Who is active:'), ...alignRows([heading.map((cell) => style.faint(cell)), ...rows])];
}

/** Who is connected and counts as nobody: why its last bytes did not count is what its owner wants to see. */
function formatQuiet({ quietStreams, moreQuietStreams }: Explanation, nowMs: number, style: Style): string[] {
  const heading = ['  CLIENT', 'VM', 'SPEAKS', 'CONNECTED FOR', 'LAST ACTIVITY', 'LAST BYTES'];
  const rows = quietStreams.map((stream) => [
    `  ${plainText(stream.client)}`,
    plainText(stream.vm),
    plainText(stream.speaks),
    formatDuration(nowMs - stream.openedAtMs),
    stream.lastActiveWhy === ''
      ? 'none'
      : `${formatDuration(nowMs - stream.lastActiveAtMs)} ago: ${plainText(stream.lastActiveWhy)}`,
    plainText(stream.verdict),
  ]);
  const more = moreQuietStreams === 0 ? [] : [`  and ${moreQuietStreams} more`];
  const title = style.faint('Who is connected, but idle:');
  return [title, ...alignRows([heading.map((cell) => style.faint(cell)), ...rows]), ...more];
}
