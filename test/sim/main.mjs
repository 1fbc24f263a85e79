// `npm run test:sim`: loads the simulation's TypeScript, mutated where asked for (`--mutation`), and plays.
import { register } from 'node:module';

const at = process.argv.indexOf('--mutation');
if (at > 0) process.env.TORPOR_SIM_MUTATION = process.argv[at + 1];
register(new URL('./typescript-mutated.mjs', import.meta.url));
const { main } = await import('./run-seeds.ts');
process.exitCode = await main(process.argv.slice(2));
