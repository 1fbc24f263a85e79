// What is compressed in the benches: repeatable by seed, made here, so that nobody has to fetch anything.

/** A repeatable stream of numbers in [0, 1) (mulberry32). */
export function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The corpus: `name`, `about` and `data` of `bytes` each. */
export function makeCorpus(bytes, seed) {
  return [
    { name: 'prose', about: 'words of a skewed vocabulary of 2,000', data: makeProse(bytes, seed) },
    { name: 'log', about: 'lines of a terminal session or log', data: makeLog(bytes, seed + 1) },
    { name: 'screen', about: '32-bit pixels: flat areas with text-like edges', data: makeScreen(bytes, seed + 2) },
    { name: 'random', about: 'incompressible, as encrypted streams are', data: makeRandom(bytes, seed + 3) },
  ];
}

function makeProse(bytes, seed) {
  const random = randomFrom(seed);
  const letter = () => String.fromCharCode(97 + Math.floor(random() * 26));
  const words = Array.from({ length: 2000 }, () =>
    Array.from({ length: 2 + Math.floor(random() * 8) }, letter).join(''),
  );
  return fillWith(bytes, () => `${words[Math.floor(random() ** 3 * words.length)]} `);
}

function makeLog(bytes, seed) {
  const random = randomFrom(seed);
  let second = 0;
  return fillWith(bytes, () => {
    second += Math.floor(random() * 5);
    const time = new Date(1_700_000_000_000 + second * 1000).toISOString();
    return `${time} host-${Math.floor(random() * 20)} service[${1000 + Math.floor(random() * 50)}]: request ${Math.floor(random() * 1e6)} took ${Math.floor(random() * 900)} ms\n`;
  });
}

function makeScreen(bytes, seed) {
  const random = randomFrom(seed);
  const data = Buffer.alloc(bytes);
  let at = 0;
  while (at + 4 <= bytes) {
    const colour = Math.floor(random() * 6) * 0x2a2a2a;
    const pixels = random() < 0.3 ? 1 + Math.floor(random() * 4) : 8 + Math.floor(random() * 200);
    for (let count = 0; count < pixels && at + 4 <= bytes; count += 1, at += 4) data.writeUInt32LE(colour, at);
  }
  return data;
}

function makeRandom(bytes, seed) {
  const random = randomFrom(seed);
  return Buffer.from(Array.from({ length: bytes }, () => Math.floor(random() * 256)));
}

function fillWith(bytes, next) {
  const parts = [];
  for (let length = 0; length < bytes; length += parts.at(-1).length) parts.push(Buffer.from(next()));
  return Buffer.concat(parts).subarray(0, bytes);
}
