// A log that nobody reads: the story of a simulated world is told by the world.
import type { Logger } from '../../src/platform/ports.ts';

export class SilentLog implements Logger {
  debug(): void {}

  info(): void {}

  warn(): void {}

  error(): void {}
}
