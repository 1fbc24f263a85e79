// The benches' options: each bench that npm runs tells them for --help and refuses what it does not know, and one table says how they are read.
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { BENCHES, usageOf } from './support/bench-usage.ts';

const { COUNT, COUNTS, oneOf, parseOptions, someOf } = await import(
  new URL('../../bench/options.mjs', import.meta.url).href
);

const TABLE = {
  script: 'bench:some',
  about: 'Measures something.',
  needs: 'Linux',
  options: {
    quick: { about: 'fewer rounds' },
    rounds: { kind: COUNT, default: 7, quick: 3, about: 'of each' },
    sizes: { kind: COUNTS, about: 'of the farm' },
    only: { kind: oneOf('slow', 'fast'), about: 'one of the two' },
    signals: { kind: someOf('none', 'both'), about: 'what is told' },
    before: { kind: COUNT, multiple: true, about: 'another' },
    inside: { kind: COUNT },
  },
};
const parse = (...words: string[]) => parseOptions(TABLE, words);

describe('each bench of package.json', () => {
  it.each(BENCHES)('$script: --help -> its usage, and it ends with 0', ({ script, file }) => {
    const usage = usageOf(file);
    expect(usage).toContain(`npm run ${script} -- `);
    expect(usage).toContain('--help');
  });

  it.each(BENCHES)('$script: an option that it does not have -> one line, and it ends with 2', ({ script, file }) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [file, '--nope'], { encoding: 'utf8' });
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toBe(`${script}: there is no option --nope; --help tells what there is\n`);
  });
});

describe('options of a bench', () => {
  it('nothing is told -> defaults, and flags that are off', () => {
    const options = { quick: false, rounds: 7, before: [] };
    expect(parse()).toEqual({ values: { ...options, sizes: undefined, only: undefined, signals: undefined } });
  });

  it('--quick -> its defaults, but for what is told', () => {
    expect(parse('--quick').values.rounds).toBe(3);
    expect(parse('--rounds', '5', '--quick').values.rounds).toBe(5);
  });

  it('values -> read as what they are', () => {
    const { values } = parse('--sizes=1,20', '--only', 'fast', '--signals', 'both,none', '--before', '1', '--before=2');
    expect(values).toMatchObject({ sizes: [1, 20], only: 'fast', signals: ['both', 'none'], before: [1, 2] });
  });

  it('--help beside others -> the usage, without what is not for people', () => {
    const { usage } = parse('--quick', '--help');
    expect(usage).toBe(`npm run bench:some -- [OPTION...]
Measures something.
Needs Linux.

  --quick              fewer rounds
  --rounds N           of each (7, with --quick 3)
  --sizes N,N          of the farm
  --only slow|fast     one of the two
  --signals none,both  what is told
  --before N           another; also several times
  --help               tells this`);
  });

  it.each([
    [['--round', '5'], 'there is no option --round'],
    [['-q'], 'there is no option -q'],
    [['--constructor'], 'there is no option --constructor'],
    [['5'], '"5" is no option'],
    [['--quick=1'], '--quick takes no value'],
    [['--rounds'], '--rounds needs a whole number above 0'],
    [['--rounds', '--quick'], '--rounds needs a whole number above 0'],
    [['--rounds', '0'], '--rounds 0 must be a whole number above 0'],
    [['--rounds', '2.5'], '--rounds 2.5 must be a whole number above 0'],
    [['--rounds', '1e400'], '--rounds 1e400 must be a whole number above 0'],
    [['--sizes', '1,,2'], '--sizes 1,,2 must be whole numbers above 0, with commas between'],
    [['--only', 'slowly'], '--only slowly must be one of slow, fast'],
    [['--signals', 'none,all'], '--signals none,all must be some of none, both, with commas between'],
  ])('%j -> told what is wrong', (words, wrong) => {
    expect(parse(...words)).toEqual({ wrong });
  });
});
