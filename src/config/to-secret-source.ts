// Where a secret is read from, in the words of the typed configuration.
import { absolute } from './absolute-path.ts';
import type { SecretSource } from './power-config.ts';

/** power-checks.ts has made sure that exactly one of the two is set. */
export function toSecretSource(
  keys: { readonly passwordFile: string | null; readonly passwordEnv: string | null },
  folder: string,
): SecretSource {
  if (keys.passwordFile !== null) return { kind: 'file', path: absolute(keys.passwordFile, folder) };
  return { kind: 'env', name: keys.passwordEnv ?? '' };
}
