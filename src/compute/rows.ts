import { numberAt } from '../layout/numbers.ts';
import type { Compute } from './compute.ts';

/*
 * What goes row by row or token by token: a unit is one of them. Strides are in numbers.
 */

/** out[i] = weight · x[i] / sqrt(mean(x[i]²) + eps); out may be x, weight 0 is none. */
export function rmsNorm(
  compute: Compute,
  out: number,
  x: number,
  weight: number,
  rows: number,
  dim: number,
  ldo: number,
  ldx: number,
  eps: number,
): void {
  compute.split(rows, ({ kernels }, first, some) => {
    const [to, from] = [numberAt(out, first * ldo), numberAt(x, first * ldx)];
    kernels.rmsNorm(to, from, weight, some, dim, ldo, ldx, eps);
  });
}

/** x[i] += bias (count). */
export function addBias(
  compute: Compute,
  x: number,
  bias: number,
  rows: number,
  count: number,
  stride: number,
): void {
  compute.split(rows, ({ kernels }, first, some) => {
    kernels.addBias(numberAt(x, first * stride), bias, some, count, stride);
  });
}

/** x = 1 / (1 + e^-x), in place. */
export function sigmoid(
  compute: Compute,
  x: number,
  rows: number,
  count: number,
  stride: number,
): void {
  compute.split(rows, ({ kernels }, first, some) => {
    kernels.sigmoid(numberAt(x, first * stride), some, count, stride);
  });
}

/** gate = silu(gate) · up, in place. */
export function swiglu(
  compute: Compute,
  gate: number,
  up: number,
  rows: number,
  count: number,
  stride: number,
): void {
  compute.split(rows, ({ kernels }, first, some) => {
    const [at, factor] = [numberAt(gate, first * stride), numberAt(up, first * stride)];
    kernels.swiglu(at, factor, some, count, stride);
  });
}

/** Copies `rows` rows of `count` numbers of each token; a width or stride of 0 repeats. */
export function copyRows(
  compute: Compute,
  out: number,
  x: number,
  tokens: number,
  rows: number,
  count: number,
  outWidth: number,
  outStride: number,
  width: number,
  stride: number,
): void {
  compute.split(tokens, ({ kernels }, first, some) => {
    const [to, from] = [numberAt(out, first * outStride), numberAt(x, first * stride)];
    kernels.copyRows(to, from, some, rows, count, outWidth, outStride, width, stride);
  });
}

/** out (tokens, rows, bDim · cDim) = b ⊗ c of x (tokens, rows, bDim + cDim). */
export function outerRows(
  compute: Compute,
  out: number,
  x: number,
  tokens: number,
  rows: number,
  bDim: number,
  cDim: number,
  outStride: number,
  stride: number,
): void {
  compute.split(tokens, ({ kernels }, first, some) => {
    const [to, from] = [numberAt(out, first * outStride), numberAt(x, first * stride)];
    kernels.outerRows(to, from, some, rows, bDim, cDim, outStride, stride);
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
