// Several looks at the host as one shell script, so that one connection does, and its output taken apart again.
import type { HostCheck, HostContext } from './host-check.ts';

/** LC_ALL: programs answer in the words that are read. `t` bounds a program that hangs, where the host can. */
const PRELUDE = `LC_ALL=C
export LC_ALL
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
export PATH
has() { command -v "$1" >/dev/null 2>&1; }
t() { if has timeout; then timeout 10 "$@"; else "$@"; fi; }
tag() { sed "s/^/$1 /"; }
`;

/** `mark` must be unguessable: what a program prints could else pass for the end of its section. */
export function buildScript(checks: readonly HostCheck[], context: HostContext, mark: string): string {
  const sections = checks.map(
    ({ name, snippet }) =>
      `echo '@${mark} ${name}'\n(\n${snippet(context).trim()}\n) </dev/null 2>/dev/null\necho '@${mark} .'\n`,
  );
  return `${PRELUDE}${sections.join('')}`;
}

/** Name to what its section printed; a section that was not finished is left out. */
export function splitOutput(output: string, mark: string): Map<string, string> {
  const sections = new Map<string, string>();
  const parts = output.split(`@${mark} `);
  for (const [index, part] of parts.entries()) {
    if (index === 0 || part.startsWith('.')) continue;
    const isFinished = parts[index + 1]?.startsWith('.') === true;
    const nameEnd = part.indexOf('\n');
    if (isFinished && nameEnd > 0) sections.set(part.slice(0, nameEnd), part.slice(nameEnd + 1));
  }
  return sections;
}
