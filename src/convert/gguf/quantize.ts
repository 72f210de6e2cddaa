import { roundToFloat16 } from '../../format/tensors/round-half.ts';

/*
 * Rounding to the types of GGUF, bit for bit as the reference of llama.cpp does it: in float32,
 * whose products and quotients a float64 holds well enough to be rounded once.
 */

/** Elements of a block: they share one scale. */
export const BLOCK = 32;
const HALF = BLOCK / 2;
const SCALE_BYTES = 2;
const Q8_BYTES = SCALE_BYTES + BLOCK;
const Q4_BYTES = SCALE_BYTES + HALF;
/** What float16 cannot hold any more: the middle between its largest number and the next. */
const FLOAT16_END = 65_520;

const { fround } = Math;

/** Rounds elements; index of the first that float16 cannot hold, alone or as a scale, -1 if none. */
export type Rounding = (values: Float32Array, out: Uint8Array) => number;

/** Blocks of a scale and 32 signed bytes: the largest magnitude becomes 127. */
export function quantizeQ8(values: Float32Array, out: Uint8Array): number {
  const scales = new Float32Array(values.length / BLOCK);
  for (let block = 0; block < scales.length; block++) {
    const start = block * BLOCK;
    let most = 0;
    for (let i = start; i < start + BLOCK; i++) {
      const magnitude = Math.abs(values[i]!);
      if (magnitude > most) most = magnitude;
    }
    const scale = fround(most / 127);
    scales[block] = scale;
    const inverse = scale === 0 ? 0 : fround(1 / scale);
    let to = block * Q8_BYTES + SCALE_BYTES;
    for (let i = start; i < start + BLOCK; i++) {
      const code = fround(values[i]! * inverse);
      // Halves away from zero. Where 1 / scale is infinite, so is the code: it becomes 0.
      out[to++] = (code + (code < 0 ? -0.5 : 0.5)) | 0;
    }
  }
  return writeScales(scales, out, Q8_BYTES);
}

/** Blocks of a scale and 32 numbers of 4 bits: the element of largest magnitude becomes -8. */
export function quantizeQ4(values: Float32Array, out: Uint8Array): number {
  const scales = new Float32Array(values.length / BLOCK);
  for (let block = 0; block < scales.length; block++) {
    const start = block * BLOCK;
    let most = 0;
    let extreme = 0;
    for (let i = start; i < start + BLOCK; i++) {
      const magnitude = Math.abs(values[i]!);
      if (magnitude > most) {
        most = magnitude;
        extreme = values[i]!;
      }
    }
    const scale = fround(extreme / -8);
    scales[block] = scale;
    const inverse = scale === 0 ? 0 : fround(1 / scale);
    let to = block * Q4_BYTES + SCALE_BYTES;
    for (let i = start; i < start + HALF; i++) {
      const low = codeOf(values[i]!, inverse);
      out[to++] = low | (codeOf(values[i + HALF]!, inverse) << 4);
    }
  }
  return writeScales(scales, out, Q4_BYTES);
}

/** float16, ties to even. */
export function narrowToFloat16(values: Float32Array, out: Uint8Array): number {
  const halves = roundToFloat16(values);
  out.set(new Uint8Array(halves.buffer, 0, 2 * values.length));
  return overflowing(values);
}

/** bfloat16, ties to even; what rounds up to an infinity is beyond the largest float32 but 2^-9 of it. */
export function narrowToBfloat16(values: Float32Array, out: Uint8Array): number {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i]!;
    const rounded = (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
    if ((rounded & 0x7fff) >= 0x7f80) return i;
    out[2 * i] = rounded;
    out[2 * i + 1] = rounded >>> 8;
  }
  return -1;
}

/** float32 as it is. */
export function copyFloat32(values: Float32Array, out: Uint8Array): number {
  out.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return -1;
}

function codeOf(value: number, inverse: number): number {
  return Math.min(15, fround(fround(value * inverse) + 8.5) | 0);
}

function writeScales(scales: Float32Array, out: Uint8Array, blockBytes: number): number {
  const halves = roundToFloat16(scales);
  for (let block = 0, at = 0; block < scales.length; block++, at += blockBytes) {
    out[at] = halves[block]!;
    out[at + 1] = halves[block]! >>> 8;
  }
  const block = overflowing(scales);
  return block < 0 ? -1 : block * BLOCK;
}

function overflowing(values: Float32Array): number {
  for (let i = 0; i < values.length; i++) if (Math.abs(values[i]!) >= FLOAT16_END) return i;
  return -1;
}
