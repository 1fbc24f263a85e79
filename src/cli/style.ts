// Colour for people: only on a terminal, and not with NO_COLOR (https://no-color.org). What is coloured is the commands' choice.
import { stripVTControlCharacters } from 'node:util';
import type { CliIo } from './cli-io.ts';

export interface Style {
  good(text: string): string;
  warn(text: string): string;
  bad(text: string): string;
  faint(text: string): string;
  strong(text: string): string;
}

const PLAIN: Style = {
  good: (text) => text,
  warn: (text) => text,
  bad: (text) => text,
  faint: (text) => text,
  strong: (text) => text,
};

/** ECMA-48 select graphic rendition: a code that starts and one that ends. */
function sgr(start: number, end: number): (text: string) => string {
  return (text) => `\x1b[${start}m${text}\x1b[${end}m`;
}

const COLOURED: Style = {
  good: sgr(32, 39),
  warn: sgr(33, 39),
  bad: sgr(31, 39),
  faint: sgr(2, 22),
  strong: sgr(1, 22),
};

/** The style for stdout of this process. */
export function styleFor(io: Pick<CliIo, 'env' | 'outIsTerminal'>): Style {
  const refused = (io.env.NO_COLOR ?? '') !== '' || io.env.TERM === 'dumb';
  return io.outIsTerminal && !refused ? COLOURED : PLAIN;
}

/** Text from elsewhere as it may stand on a terminal: one line, no control characters, no escape sequences. */
export function plainText(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/\s+/g, ' ')
    .replace(/[\p{Cc}\p{Cf}]/gu, '');
}
