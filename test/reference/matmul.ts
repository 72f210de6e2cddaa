/**
 * Linear layer without bias: x (M, K) times the transpose of w (N, K).
 *
 * @param inputs K; M and N follow from the lengths
 * @returns (M, N)
 */
export function matmul(x: ArrayLike<number>, w: ArrayLike<number>, inputs: number): Float64Array {
  const rows = x.length / inputs;
  const outputs = w.length / inputs;
  if (!Number.isInteger(rows) || !Number.isInteger(outputs)) {
    throw new RangeError(`lengths ${x.length} and ${w.length} are not multiples of ${inputs}`);
  }
  const left = new Float64Array(x); // one element type runs several times as fast as ArrayLike
  const right = new Float64Array(w);
  const out = new Float64Array(rows * outputs);
  for (let m = 0; m < rows; m++) {
    for (let n = 0; n < outputs; n++) {
      let sum = 0;
      for (let k = 0; k < inputs; k++) sum += left[m * inputs + k]! * right[n * inputs + k]!;
      out[m * outputs + n] = sum;
    }
  }
  return out;
}
