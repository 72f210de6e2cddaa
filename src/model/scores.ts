import { logProbabilities } from '../compute/rows.ts';
import { rowAt } from '../layout/numbers.ts';
import { type Network, projectLogits } from './forward.ts';
import { LOGIT_ROWS } from './workspace.ts';

/*
 * Log-probabilities of given tokens: T numbers leave the memory of wasm, not T times the vocabulary.
 */

/**
 * What the first next.length rows of the residual stream say of the tokens that follow them.
 *
 * @param next ids of those tokens, no more than the workspace has rows
 * @param isCancelled as of `Compute.evaluate`
 * @returns (next.length) log-probabilities, a fresh array; NaN where a row's logits are not finite
 * @throws TpaError `KERNEL_TRAP`, `ABORTED`
 */
export function readScores(
  network: Network,
  next: readonly number[],
  isCancelled?: () => boolean,
): Promise<Float32Array> {
  return scoreInRows(network, next, isCancelled, (row, rows) => projectLogits(network, row, rows));
}

/**
 * As {@link readScores}, of logits that something else has computed.
 *
 * @param logits (next.length, vocabSize)
 */
export function scoreLogits(
  network: Network,
  logits: Float32Array,
  next: readonly number[],
): Promise<Float32Array> {
  const { compute, config, workspace } = network;
  const { vocabSize } = config;
  return scoreInRows(network, next, undefined, (row, rows) => {
    for (let i = 0; i < rows; i++) {
      const at = (row + i) * vocabSize;
      const to = compute.heap.floats(rowAt(workspace.logits, i), vocabSize);
      to.set(logits.subarray(at, at + vocabSize));
    }
  });
}

/**
 * Scores LOGIT_ROWS rows at a time; the ids of the step, which are not needed any more, make way.
 *
 * @param place puts the logits of rows row … row + rows into the workspace
 */
async function scoreInRows(
  { compute, config, workspace }: Network,
  next: readonly number[],
  isCancelled: (() => boolean) | undefined,
  place: (row: number, rows: number) => void,
): Promise<Float32Array> {
  const { ids, logits } = workspace;
  // not over the ids: where a thread is lost the operations run again
  const scores = workspace.normed.at;
  const out = new Float32Array(next.length);
  for (let row = 0; row < next.length; row += LOGIT_ROWS) {
    const some = next.slice(row, row + LOGIT_ROWS);
    const { length } = some;
    compute.heap.words(ids, length).set(some);
    await compute.evaluate(() => {
      place(row, length);
      logProbabilities(compute, scores, logits, ids, length, config.vocabSize);
    }, isCancelled);
    out.set(compute.heap.floats(scores, length), row);
  }
  return out;
}
