/**
 * Greedy continuation: the token of the largest last logit, the lowest id of equal ones, `count` times.
 *
 * @param logitsOf logits (T, vocab) of a whole sequence
 * @returns the `count` new ids, without the prompt
 */
export function greedy(
  logitsOf: (ids: readonly number[]) => ArrayLike<number>,
  ids: ArrayLike<number>,
  count: number,
): number[] {
  const all = Array.from(ids);
  for (let step = 0; step < count; step++) {
    const logits = Array.from(logitsOf(all));
    const last = logits.slice(logits.length - logits.length / all.length);
    all.push(last.indexOf(last.reduce((max, logit) => Math.max(max, logit))));
  }
  return all.slice(ids.length);
}
