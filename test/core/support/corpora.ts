// The corpora of the benches, for tests that need what people send and store rather than what a generator draws.

export interface Corpus {
  readonly name: string;
  readonly data: Buffer;
  /** Of its messages, where it is a stream of messages. */
  readonly lengths?: readonly number[];
}

/** All nine, of about `bytes` each; repeatable by seed but for the two that are read from this machine. */
export async function loadCorpora(bytes: number, seed: number): Promise<Corpus[]> {
  const { makeStreamCorpora } = await import(new URL('../../../bench/streams-corpus.mjs', import.meta.url).href);
  return makeStreamCorpora(bytes, seed);
}
