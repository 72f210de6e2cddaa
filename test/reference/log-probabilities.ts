/** Log-softmax of one logit of each row of logits (ids.length, vocabSize): that of its id. */
export function logProbabilities(
  logits: ArrayLike<number>,
  ids: ArrayLike<number>,
  vocabSize: number,
): Float64Array {
  return Float64Array.from(ids, (id, row) => {
    const at = row * vocabSize;
    let largest = -Infinity;
    for (let i = 0; i < vocabSize; i++) largest = Math.max(largest, logits[at + i]!);
    let sum = 0;
    for (let i = 0; i < vocabSize; i++) sum += Math.exp(logits[at + i]! - largest);
    return logits[at + id]! - largest - Math.log(sum);
  });
}

/** e to minus the mean of some log-probabilities. */
export function perplexity(scores: ArrayLike<number>): number {
  return Math.exp(-Array.from(scores).reduce((sum, score) => sum + score, 0) / scores.length);
}
