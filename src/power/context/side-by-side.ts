// Several deeds side by side, a bounded number at a time, begun in their order. What they do is their owner's.

/**
 * Runs `deed` for each item, at most `width` at once. Settles only when nothing is under way any more: rejects with the first
 * failure, after which no further item is begun.
 */
export async function sideBySide<Item>(
  items: readonly Item[],
  width: number,
  deed: (item: Item, index: number) => Promise<void>,
): Promise<void> {
  const waiting = [...items.entries()];
  let failure: { readonly thrown: unknown } | null = null;
  const lane = async () => {
    for (let next = waiting.shift(); next !== undefined && failure === null; next = waiting.shift()) {
      try {
        await deed(next[1], next[0]);
      } catch (thrown) {
        failure ??= { thrown };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane));
  if (failure !== null) throw (failure as { readonly thrown: unknown }).thrown;
}
