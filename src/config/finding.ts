// What a check of the configuration says, and of which place.
import type { ConfigPath } from './yaml-source.ts';

/** One finding at one place of the file. */
export interface Finding {
  readonly path: ConfigPath;
  readonly what: string;
}
