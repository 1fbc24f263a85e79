// What deferred jobs use of where their platform's streams live.
import type { StreamHome } from '../stream.ts';

export type SpoolHome = Pick<
  StreamHome,
  | 'platform'
  | 'clock'
  | 'log'
  | 'observer'
  | 'buffers'
  | 'sendQueues'
  | 'sentWaits'
  | 'farewells'
  | 'connectBound'
  | 'refusals'
  | 'isHeld'
  | 'mayWake'
>;
