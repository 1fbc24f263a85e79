// The policy of a platform with one VM, `desk`, that a test’s controllers sleep and wake within seconds; slower tests spread it.
import type { PlatformPolicy } from '../../src/platform/model.ts';

export const DESK_POLICY: PlatformPolicy = {
  sleep: 'S3',
  minAwakeMs: 1_000,
  drowsyForMs: 1_000,
  suspendTimeoutMs: 30_000,
  wakeTimeoutMs: 30_000,
  saveTimeoutMs: 10_000,
  savesContext: false,
  savesVms: false,
  witness: 'sensor',
  wakeMethods: ['chassis-on'],
  maxSuspendsPerHour: null,
  asksTimeoutMs: 0,
  clientWaitMs: 300_000,
  vms: ['desk'],
  probedVms: ['desk'],
};
