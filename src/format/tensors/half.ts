/** The element types that can be read as weights. */
export type TensorDtype = 'F32' | 'F16' | 'BF16';

/** Bytes per element. */
export const ELEMENT_BYTES: Readonly<Record<TensorDtype, number>> = { F32: 4, F16: 2, BF16: 2 };

/** Bits of the float32 for every float16: 256 KB, built at first use. */
let halfTable: Uint32Array<ArrayBuffer> | undefined;
/** The same as numbers. */
let halfValues: Float32Array | undefined;

/**
 * Little-endian elements of any byte alignment as float32, in a fresh array. Every float16 and
 * bfloat16 is a float32, so nothing is rounded.
 *
 * @throws RangeError where the length is no multiple of the element size
 * @example
 * widenToFloat32(new Uint8Array([0x00, 0x3c]), 'F16'); // Float32Array [1]
 */
export function widenToFloat32(bytes: Uint8Array, dtype: TensorDtype): Float32Array {
  const elementBytes = ELEMENT_BYTES[dtype];
  if (bytes.byteLength % elementBytes !== 0) {
    const message = `"bytes" expected a multiple of ${elementBytes} bytes, got ${bytes.byteLength}`;
    throw new RangeError(message);
  }
  const out = new Float32Array(bytes.byteLength / elementBytes);
  storedBytes(out, dtype).set(bytes);
  widenInPlace(out, dtype);
  return out;
}

/** The end of `target`, as long as its elements are in a file: to be filled, then widened in place. */
export function storedBytes(target: Float32Array, dtype: TensorDtype): Uint8Array {
  const { buffer, byteOffset, byteLength, length } = target;
  const stored = length * ELEMENT_BYTES[dtype];
  return new Uint8Array(buffer, byteOffset + byteLength - stored, stored);
}

/** Makes float32 numbers of what lies in {@link storedBytes}; nothing else is needed for it. */
export function widenInPlace(target: Float32Array, dtype: TensorDtype): void {
  if (dtype === 'F32') return;
  const { buffer, byteOffset, length } = target;
  // Word i ends before half i + 1 begins, at most: 4i + 4 <= 2 · length + 2i + 2.
  const halves = new Uint16Array(buffer, byteOffset + 2 * length, length);
  const bits = new Uint32Array(buffer, byteOffset, length);
  if (dtype === 'BF16') {
    for (let i = 0; i < length; i++) bits[i] = halves[i]! << 16;
  } else {
    halfTable ??= buildHalfTable();
    for (let i = 0; i < length; i++) bits[i] = halfTable[halves[i]!]!;
  }
}

/** The float16 at byte `at`, little-endian. */
export function float16At(bytes: Uint8Array, at: number): number {
  halfTable ??= buildHalfTable();
  halfValues ??= new Float32Array(halfTable.buffer);
  return halfValues[bytes[at]! | (bytes[at + 1]! << 8)]!;
}

/** Index of the first NaN or infinity, -1 where there is none. */
export function firstNonFinite(values: Float32Array): number {
  // x - x is 0 for every finite x and NaN for the others.
  for (let i = 0; i < values.length; i++) if (values[i]! - values[i]! !== 0) return i;
  return -1;
}

function buildHalfTable(): Uint32Array<ArrayBuffer> {
  const table = new Uint32Array(0x10000);
  for (let half = 0; half < 0x10000; half++) {
    const sign = (half & 0x8000) << 16;
    table[half] = sign | magnitudeBits(half & 0x7fff);
  }
  return table;
}

function magnitudeBits(half: number): number {
  const exponent = half >> 10;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return 0x7f800000 | (fraction << 13);
  if (exponent > 0) return ((exponent + 112) << 23) | (fraction << 13); // bias 127 - 15
  if (fraction === 0) return 0;
  // fraction * 2^-24: the leading one becomes implicit.
  const shift = Math.clz32(fraction) - 21;
  return ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13);
}
