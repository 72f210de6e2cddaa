import { addScaledRow } from '../simd/scale';

/** Adds bias (count) to each of `rows` rows of x, `stride` numbers apart. No overlap; any alignment. */
export function addBias(x: usize, bias: usize, rows: usize, count: usize, stride: usize): void {
  for (let i: usize = 0; i < rows; i++) {
    addScaledRow(x, bias, count, 1);
    x += stride << 2;
  }
}
