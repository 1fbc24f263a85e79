// Aligned rows.
import { describe, expect, it } from 'vitest';
import { alignRows } from '../../src/cli/table.ts';

describe('alignRows', () => {
  it('cells of different widths -> columns start together, no space at the end', () => {
    expect(
      alignRows([
        ['NAME', 'STATE', 'WHY'],
        ['a', 'asleep', 'idle'],
        ['longer', 'awake', ''],
      ]),
    ).toEqual(['NAME    STATE   WHY', 'a       asleep  idle', 'longer  awake']);
  });

  it('colours and letters beyond ASCII -> count as what is seen', () => {
    expect(
      alignRows([
        ['\u001b[32mok\u001b[39m', 'x'],
        ['müd', 'y'],
      ]),
    ).toEqual(['\u001b[32mok\u001b[39m   x', 'müd  y']);
  });

  it('no rows -> no lines', () => {
    expect(alignRows([])).toEqual([]);
  });
});
