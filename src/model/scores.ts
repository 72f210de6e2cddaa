import { logProbabilities } from '../compute/rows.ts';
import { rowAt } from '../layout/numbers.ts';
import { logitRows, type Network } from './forward.ts';
import { LOGIT_ROWS } from './workspace.ts';

/*
 * Log-probabilities of given tokens: T numbers leave the memory of wasm, not T times the vocabulary.
 */

/**
 * What the first next.length rows of the residual stream say of the tokens that follow them.
 *
 * @param next ids of those tokens, no more than the workspace has rows
 * @returns (next.length) log-probabilities, a fresh array; NaN where a row's logits are not finite
 */
export function readScores(network: Network, next: readonly number[]): Float32Array {
  const out = new Float32Array(next.length);
  for (const [row, rows] of logitRows(network, 0, next.length)) {
    out.set(scoreRows(network, next.slice(row, row + rows)), row);
  }
  return out;
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
): Float32Array {
  const { compute, config, workspace } = network;
  const { vocabSize } = config;
  const out = new Float32Array(next.length);
  for (let row = 0; row < next.length; row += LOGIT_ROWS) {
    const some = next.slice(row, row + LOGIT_ROWS);
    for (const i of some.keys()) {
      const at = (row + i) * vocabSize;
      const to = compute.heap.floats(rowAt(workspace.logits, i), vocabSize);
      to.set(logits.subarray(at, at + vocabSize));
    }
    out.set(scoreRows(network, some), row);
  }
  return out;
}

/** Of the logits in the workspace; the ids of the step, which are not needed any more, make way. */
function scoreRows({ compute, config, workspace }: Network, next: readonly number[]): Float32Array {
  const { ids, logits } = workspace;
  compute.heap.words(ids, next.length).set(next);
  logProbabilities(compute, ids, logits, ids, next.length, config.vocabSize);
  return compute.heap.floats(ids, next.length);
}
