// Torpor's version, as package.json has it.
import { readFileSync } from 'node:fs';

export function packageVersion(): string {
  // One folder up from src/ as from dist/.
  const packageJson = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(packageJson) as { version: string }).version;
}
