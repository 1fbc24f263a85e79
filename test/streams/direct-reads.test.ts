// Everything that holds of streams holds too where Node's bare handles do not do as they should: the same suites over net.Socket.
import { describe } from 'vitest';
import { StreamRig } from './support/stream-rig.ts';

StreamRig.reading = 'direct';

describe('direct reads', async () => {
  await import('./stream-flow.test.ts');
  await import('./stream-hold.test.ts');
});
