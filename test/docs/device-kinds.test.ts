// The table of device kinds in docs/listeners.md against the one in src/config.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DEVICE_KINDS } from '../../src/config/device-kinds.ts';
import { formatDuration } from '../../src/platform/units.ts';

function renderTable(): string {
  const rows = Object.entries(DEVICE_KINDS).map(([device, kind]) => {
    const cells = [
      `\`${device}\``,
      formatDuration(kind.idleTimeoutMs),
      `\`${kind.wakeOn}\``,
      `\`${kind.activity}\``,
      `\`${kind.viewing}\``,
      `\`${kind.probe}\``,
      kind.why,
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    '| `device` | `idleTimeout` | `wakeOn` | `activity` | `viewing` | `probe` | because |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

describe('docs/listeners.md', () => {
  it('its table of device kinds -> the one that the configuration uses', () => {
    const text = readFileSync(new URL('../../docs/listeners.md', import.meta.url), 'utf8');
    expect(text).toContain(`${renderTable()}\n`);
  });
});
