// Exported rows as text: JSON lines, or CSV as RFC 4180 has it.
import type { ExportedRow } from './history.ts';

export type ExportFormat = 'jsonl' | 'csv';

/** The lines of some rows, each with its end. With `heading`, CSV begins with the names of the columns. */
export function exportLines(rows: readonly ExportedRow[], format: ExportFormat, heading: boolean): string {
  if (format === 'jsonl') return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  const columns = rows[0] === undefined ? [] : Object.keys(rows[0]);
  const lines = rows.map((row) => columns.map((column) => csvField(row[column] ?? null)).join(','));
  if (heading && rows.length > 0) lines.unshift(columns.map(csvField).join(','));
  return lines.map((line) => `${line}\r\n`).join('');
}

/**
 * RFC 4180 section 2, rules 5 to 7. A text that a spreadsheet would take for a formula gets an apostrophe before it: what clients
 * send is in some of them.
 */
function csvField(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
