// What charts of a page are made of: bars of several parts, their legend, and text from outside made harmless. Plain strings.

/** Width of every chart, in its own units. */
export const CHART_WIDTH = 720;
/** Height of a bar. */
const BAR_HEIGHT = 20;

/** A stretch of a bar: what it is, how much, and its colour. */
export interface BarPart {
  readonly name: string;
  readonly amount: number;
  readonly colour: string;
}

/** A bar from the left, its upper edge at `y`, and a label after it; `scale`: units of width for each of amount. */
export function renderBar(parts: readonly BarPart[], label: string, y: number, scale: number): string {
  let x = 0;
  const rects = parts.map(({ name, amount, colour }) => {
    const width = amount * scale;
    const rect = `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${BAR_HEIGHT}" fill="${colour}"><title>${name}: ${amount.toFixed(3)}</title></rect>`;
    x += width;
    return rect;
  });
  return `${rects.join('')}<text x="${(x + 6).toFixed(1)}" y="${y + 16}">${escapeHtml(label)}</text>`;
}

export function renderLegend(names: readonly string[], colours: readonly string[]): string {
  const keys = names.map(
    (name, index) => `<li><i style="background:${colours[index % colours.length]}"></i>${escapeHtml(name)}</li>`,
  );
  return `<ul class="legend">${keys.join('')}</ul>`;
}

export function escapeHtml(text: string): string {
  const named: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (character) => named[character] as string);
}
