// Rows of cells as aligned lines. What the cells say, and their colour, is left to the commands.
import { stripVTControlCharacters } from 'node:util';

const GAP = '  ';

/** The rows with every column as wide as its widest cell; the last column is left ragged. Colours count no width. */
export function alignRows(rows: ReadonlyArray<readonly string[]>): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, widthOf(cell));
  }
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === row.length - 1 ? cell : cell + ' '.repeat((widths[column] ?? 0) - widthOf(cell)),
      )
      .join(GAP)
      .trimEnd(),
  );
}

function widthOf(cell: string): number {
  return [...stripVTControlCharacters(cell)].length;
}
