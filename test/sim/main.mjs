// `npm run test:sim`: loads the simulation's TypeScript, mutated where that is asked for, and plays.
import { register } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import { useLightAbort } from './light-abort.mjs';
import { MUTATIONS } from './mutations.mjs';

// Half of a run's time went into stacks of aborted signals, which nobody looks at, and into collecting what lives for a moment.
if (process.argv.includes('--worker')) {
  Error.stackTraceLimit = 0;
  setFlagsFromString('--max-semi-space-size=32');
}
// The IPMI driver joins signals, which only Node's can be.
if (!process.argv.some((argument) => argument.startsWith('--packets'))) useLightAbort();
register(new URL('./typescript-mutated.mjs', import.meta.url));
const { main } = await import('./run-seeds.ts');
process.exitCode = await main(process.argv.slice(2), MUTATIONS);
