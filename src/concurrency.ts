/** Doing several things at once, in order and with a bound. */

/**
 * Runs `load` on the items, up to `ahead` at a time, and yields the results in the items' order. A failure is thrown where its result would
 * have been; nothing new is begun after the consumer stops.
 */
export async function* readAhead<Item, Result>(
  items: Iterable<Item>,
  ahead: number,
  load: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const queue: Promise<Result>[] = [];
  for (const item of items) {
    if (queue.length >= ahead) yield (await queue.shift()) as Result;
    const result = load(item);
    // Met when its turn comes; a consumer that stops earlier does not want to know.
    result.catch(() => undefined);
    queue.push(result);
  }
  for (const result of queue) yield await result;
}
