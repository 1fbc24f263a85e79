// A quantile of samples, for the benches.

/** The number below which the `share` (0 to 1) of them lies. */
export function quantile(numbers, share) {
  const sorted = [...numbers].sort((one, other) => one - other);
  return sorted[Math.round(share * (sorted.length - 1))];
}
