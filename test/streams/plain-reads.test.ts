// Everything that holds of streams holds too where Node cannot read into the core's memory: the same suites, read the plain way.
import { describe } from 'vitest';
import { StreamRig } from './support/stream-rig.ts';

StreamRig.reading = 'plain';

describe('plain reads', async () => {
  await import('./stream-flow.test.ts');
  await import('./stream-hold.test.ts');
});
