import { type Rows, within } from '../layout/numbers.ts';
import { COUNT } from '../threads/operations.ts';
import type { Compute } from './compute.ts';
import { numbersFrom, rowsFrom } from './moving.ts';

/*
 * What goes row by row or token by token: a unit is one of them.
 */

/** Multiply-adds of an exponential. */
const EXP_COST = 8;

/** out[i] = weight · x[i] / sqrt(mean(x[i]²) + eps); out may be x, weight 0 is none. */
export function rmsNorm(
  compute: Compute,
  out: Rows,
  x: Rows,
  weight: number,
  count: number,
  dim: number,
  eps: number,
): void {
  const [to, from] = [rowsFrom(out), rowsFrom(x)];
  // prettier-ignore
  compute.split(
    count, 3 * dim, 'rmsNorm',
    to, from, weight, COUNT, dim, out.stride, x.stride, eps,
  );
}

/** x[i] += bias (width). */
export function addBias(compute: Compute, x: Rows, bias: number, count: number, width: number) {
  compute.split(count, width, 'addBias', rowsFrom(x), bias, COUNT, width, x.stride);
}

/** x = 1 / (1 + e^-x), the first `width` numbers of each row in place. */
export function sigmoid(compute: Compute, x: Rows, count: number, width: number): void {
  compute.split(count, width * EXP_COST, 'sigmoid', rowsFrom(x), COUNT, width, x.stride);
}

/** gate = silu(gate) · up, in place; `up` numbers into each row. */
export function swiglu(compute: Compute, gate: Rows, up: number, count: number, width: number) {
  const from = rowsFrom(within(gate, up));
  compute.split(count, width * EXP_COST, 'swiglu', rowsFrom(gate), from, COUNT, width, gate.stride);
}

/** Copies `rows` rows of `count` numbers of each token; a width or stride of 0 repeats. */
export function copyRows(
  compute: Compute,
  out: Rows,
  x: Rows,
  tokens: number,
  rows: number,
  count: number,
  outWidth: number,
  width: number,
): void {
  const [to, from] = [rowsFrom(out), rowsFrom(x)];
  // prettier-ignore
  compute.split(
    tokens, rows * count, 'copyRows',
    to, from, COUNT, rows, count, outWidth, out.stride, width, x.stride,
  );
}

/** out (tokens, rows, bDim · cDim) = b ⊗ c of x (tokens, rows, bDim + cDim). */
export function outerRows(
  compute: Compute,
  out: Rows,
  x: Rows,
  tokens: number,
  rows: number,
  bDim: number,
  cDim: number,
): void {
  const [to, from] = [rowsFrom(out), rowsFrom(x)];
  // prettier-ignore
  compute.split(
    tokens, rows * bDim * cDim, 'outerRows',
    to, from, COUNT, rows, bDim, cDim, out.stride, x.stride,
  );
}

/**
 * out (count) = log-softmax of one logit of each row of logits (count, vocabSize), that of ids (count)
 * u32; NaN for a row that is not finite.
 */
export function logProbabilities(
  compute: Compute,
  out: number,
  logits: Rows,
  ids: number,
  count: number,
  vocabSize: number,
): void {
  // prettier-ignore
  compute.split(
    count, vocabSize * EXP_COST, 'logProbabilities',
    numbersFrom(out), rowsFrom(logits), numbersFrom(ids), COUNT, vocabSize, logits.stride,
  );
}

/** Whether all of x (count) is finite, now. @throws TpaError `KERNEL_TRAP` */
export function isFinite(compute: Compute, x: number, count: number): boolean {
  return compute.run(() => compute.kernels.isFinite(x, count) !== 0);
}
