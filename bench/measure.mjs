// Times rivals in turn within one run, with the `benchmark` package, and reduces its samples to median and spread.
import Benchmark from 'benchmark';

/**
 * Runs each of `rivals` (name -> function that does one operation) and answers one row each: operations per second at the
 * median sample, the samples' interquartile range as a share of the median, and how many samples there were.
 */
export function measure(rivals, { seconds }) {
  const suite = new Benchmark.Suite();
  for (const [name, run] of Object.entries(rivals)) suite.add(name, run, { maxTime: seconds, minSamples: 5 });
  const rows = [];
  suite.on('cycle', ({ target }) => {
    if (target.error) throw target.error;
    rows.push({ name: target.name, ...reduceSamples(target.stats.sample) });
  });
  suite.run({ async: false });
  return rows;
}

function reduceSamples(secondsPerOperation) {
  const sorted = [...secondsPerOperation].sort((one, other) => one - other);
  const quantile = (share) => sorted[Math.round(share * (sorted.length - 1))];
  const median = quantile(0.5);
  return {
    operationsPerSecond: 1 / median,
    spread: (quantile(0.75) - quantile(0.25)) / median,
    samples: sorted.length,
  };
}
