// Who should have what, without a table: for each thing the candidates in an order that is the same for everybody who asks, and spread evenly.

/** FNV-1a, 32 bits, its bits mixed once more (the end of MurmurHash3): names that differ in one letter lie far apart. */
function hash(text: string): number {
  let state = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) state = Math.imul(state ^ text.charCodeAt(at), 0x01000193);
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35);
  return (state ^ (state >>> 16)) >>> 0;
}

/** The candidates, the best for this thing first. Whoever comes or goes changes the first place of its own share of things only. */
export function rankFor(thing: string, candidates: readonly string[]): string[] {
  const ranked = candidates.map((candidate) => ({ candidate, weight: hash(`${thing}\n${candidate}`) }));
  ranked.sort((a, b) => b.weight - a.weight || (a.candidate < b.candidate ? -1 : 1));
  return ranked.map(({ candidate }) => candidate);
}
