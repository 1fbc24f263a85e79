// The findings of `torpor check` as a table per platform, with what to do under each line that needs it.
import { plainText, type Style } from '../style.ts';
import { alignRows } from '../table.ts';
import type { CheckFinding, CheckOutcome } from './check-finding.ts';

const MARKS: Readonly<Record<CheckOutcome, string>> = { ok: 'ok', warning: 'warning', failed: 'FAILED', skipped: '-' };

/** One section per platform, in the order of the findings, and a last line that sums up. */
export function formatFindings(findings: readonly CheckFinding[], style: Style): string[] {
  const sections = [...new Set(findings.map((finding) => finding.platform))];
  const lines = sections.flatMap((platform) => [
    style.strong(platform === null ? 'Torpor' : `Platform ${platform}`),
    ...formatSection(
      findings.filter((finding) => finding.platform === platform),
      style,
    ),
    '',
  ]);
  return [...lines, summarize(findings, style)];
}

function formatSection(findings: readonly CheckFinding[], style: Style): string[] {
  const rows = alignRows(
    findings.map(({ outcome, subject, what }) => [`  ${paint(outcome, style)}`, plainText(subject), plainText(what)]),
  );
  return rows.flatMap((row, index) => {
    const todo = findings[index]?.todo ?? null;
    return todo === null ? [row] : [row, `          -> ${plainText(todo)}`];
  });
}

function paint(outcome: CheckOutcome, style: Style): string {
  if (outcome === 'ok') return style.good(MARKS.ok);
  if (outcome === 'failed') return style.bad(MARKS.failed);
  return outcome === 'warning' ? style.warn(MARKS.warning) : style.faint(MARKS.skipped);
}

function summarize(findings: readonly CheckFinding[], style: Style): string {
  const count = (outcome: CheckOutcome) => findings.filter((finding) => finding.outcome === outcome).length;
  const failed = count('failed');
  const warnings = count('warning');
  const tail = warnings === 0 ? '' : `, ${warnings} ${warnings === 1 ? 'warning' : 'warnings'}`;
  if (failed > 0) return style.bad(`${failed} failed${tail}`);
  return style.good(`everything works${tail}`);
}
