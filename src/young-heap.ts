// Keeps the part of V8's heap for young objects small, in a process that carries streams. Decides nothing else.
import { setFlagsFromString } from 'node:v8';

/**
 * V8 would let it grow to three times 16 MiB, which stays resident: as much as 8,000 idle streams take. What a connection or a
 * message makes dies at once, so that the small one costs no time (`bench/data-path.mjs`), and to collect it takes less than to wait
 * for the threads that would help. To be called before streams open.
 */
export function keepYoungHeapSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--no-parallel-scavenge');
}
