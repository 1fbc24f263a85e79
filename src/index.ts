// The face of the package: what other programs may import. Everything else is internal.
export type { LoadCoreOptions, StreamCore, StreamHandle, StreamTally } from './core/stream-core.ts';
export { loadCore } from './core/stream-core.ts';
export { TimerTable, type TimerTableOptions } from './core/timer-table.ts';
export { TorporError, type TorporErrorCode } from './platform/errors.ts';
