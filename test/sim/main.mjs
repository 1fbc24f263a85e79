// `npm run test:sim`: loads the simulation's TypeScript, mutated where asked for (`--mutation`), and plays.
import { register } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import { useLightAbort } from './light-abort.mjs';

const at = process.argv.indexOf('--mutation');
if (at > 0) process.env.TORPOR_SIM_MUTATION = process.argv[at + 1];
// Half of a run's time went into stacks of aborted signals, which nobody looks at, and into collecting what lives for a moment.
Error.stackTraceLimit = 0;
if (!process.argv.includes('--packets')) useLightAbort();
setFlagsFromString('--max-semi-space-size=32');
register(new URL('./typescript-mutated.mjs', import.meta.url));
const { main } = await import('./run-seeds.ts');
process.exitCode = await main(process.argv.slice(2));
