/** How numbers are stored in wasm memory. */
export type Dtype = 'f32';

const BYTES: Readonly<Record<Dtype, number>> = { f32: 4 };

/** Bytes of `count` numbers: nothing else knows how many one takes. */
export function bytesOf(count: number, dtype: Dtype = 'f32'): number {
  return count * BYTES[dtype];
}

/** Address of number `index` of those at `address`. */
export function numberAt(address: number, index: number, dtype: Dtype = 'f32'): number {
  return address + bytesOf(index, dtype);
}

/** Rows of numbers in memory: the address of the first, and the numbers from one to the next. */
export interface Rows {
  readonly at: number;
  readonly stride: number;
}

/** Address of a row. */
export function rowAt({ at, stride }: Rows, row: number): number {
  return numberAt(at, row * stride);
}

/** What lies `offset` numbers into each row. */
export function within({ at, stride }: Rows, offset: number): Rows {
  return { at: numberAt(at, offset), stride };
}

/** `n` rounded up to whole vectors of four numbers. */
export function padToVector(n: number): number {
  return Math.ceil(n / 4) * 4;
}
