import { numberAt, rowAt, type Rows } from '../layout/numbers.ts';
import type { Compute } from './compute.ts';

/*
 * What goes row by row or token by token: a unit is one of them.
 */

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
  compute.split(count, ({ kernels }, first, rows) => {
    const [to, from] = [rowAt(out, first), rowAt(x, first)];
    kernels.rmsNorm(to, from, weight, rows, dim, out.stride, x.stride, eps);
  });
}

/** x[i] += bias (width). */
export function addBias(compute: Compute, x: Rows, bias: number, count: number, width: number) {
  compute.split(count, ({ kernels }, first, rows) => {
    kernels.addBias(rowAt(x, first), bias, rows, width, x.stride);
  });
}

/** x = 1 / (1 + e^-x), the first `width` numbers of each row in place. */
export function sigmoid(compute: Compute, x: Rows, count: number, width: number): void {
  compute.split(count, ({ kernels }, first, rows) => {
    kernels.sigmoid(rowAt(x, first), rows, width, x.stride);
  });
}

/** gate = silu(gate) · up, in place; `up` numbers into each row. */
export function swiglu(compute: Compute, gate: Rows, up: number, count: number, width: number) {
  compute.split(count, ({ kernels }, first, rows) => {
    const at = rowAt(gate, first);
    kernels.swiglu(at, numberAt(at, up), rows, width, gate.stride);
  });
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
  compute.split(tokens, ({ kernels }, first, some) => {
    const [to, from] = [rowAt(out, first), rowAt(x, first)];
    kernels.copyRows(to, from, some, rows, count, outWidth, out.stride, width, x.stride);
  });
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
  compute.split(tokens, ({ kernels }, first, some) => {
    const [to, from] = [rowAt(out, first), rowAt(x, first)];
    kernels.outerRows(to, from, some, rows, bDim, cDim, out.stride, x.stride);
  });
}

/**
 * out (count) = log-softmax of one logit of each row of logits (count, vocabSize), that of ids (count)
 * u32; NaN for a row that is not finite. out may be ids.
 */
export function logProbabilities(
  compute: Compute,
  out: number,
  logits: Rows,
  ids: number,
  count: number,
  vocabSize: number,
): void {
  compute.split(count, ({ kernels }, first, rows) => {
    const [to, chosen] = [numberAt(out, first), numberAt(ids, first)];
    kernels.logProbabilities(to, rowAt(logits, first), chosen, rows, vocabSize, logits.stride);
  });
}

/** Whether all of x (count) is finite. */
export function isFinite(compute: Compute, x: number, count: number): boolean {
  let areFinite = true;
  compute.split(count, ({ kernels }, first, some) => {
    areFinite &&= kernels.isFinite(numberAt(x, first), some) !== 0;
  });
  return areFinite;
}
