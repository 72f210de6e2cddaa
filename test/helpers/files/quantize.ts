import { roundToHalf } from './build-checkpoint.ts';
import { encode } from './build-safetensors.ts';
import { TYPE } from './build-gguf.ts';

/** Weights as a type stores them, and what they are worth then. */
export interface Stored {
  readonly type: number;
  readonly bytes: Uint8Array;
  readonly values: Float32Array<ArrayBuffer>;
}

const BLOCK = 32;

/** Stores weights in a type of GGUF; the values are what a reader has to find. */
export function store(weights: Float32Array, type: keyof typeof TYPE): Stored {
  if (type === 'Q8_0') return inBlocks(weights, type, 32, quantizeQ8);
  if (type === 'Q4_0') return inBlocks(weights, type, 16, quantizeQ4);
  if (type === 'F16') {
    const values = Float32Array.from(weights, (value) => roundToHalf(value));
    return { type: TYPE.F16, bytes: encode(values, 'F16'), values };
  }
  if (type !== 'F32') throw new RangeError(`no weights are stored as ${type} here`);
  const values = Float32Array.from(weights);
  return { type: TYPE.F32, bytes: new Uint8Array(values.buffer.slice(0)), values };
}

/** Fills the numbers of a block, returns its scale. */
type Quantizer = (block: Float32Array, numbers: Uint8Array, values: Float32Array) => number;

function inBlocks(
  weights: Float32Array,
  type: 'Q8_0' | 'Q4_0',
  numberBytes: number,
  quantize: Quantizer,
): Stored {
  const blocks = weights.length / BLOCK;
  if (!Number.isInteger(blocks)) throw new RangeError(`${weights.length} weights in blocks of 32`);
  const bytes = new Uint8Array(blocks * (2 + numberBytes));
  const values = new Float32Array(weights.length);
  for (let block = 0; block < blocks; block++) {
    const at = block * (2 + numberBytes);
    const range = [block * BLOCK, (block + 1) * BLOCK] as const;
    const numbers = bytes.subarray(at + 2, at + 2 + numberBytes);
    const scale = quantize(weights.subarray(...range), numbers, values.subarray(...range));
    bytes.set(encode([scale], 'F16'), at);
  }
  return { type: TYPE[type], bytes, values };
}

/** Signed bytes; the largest weight becomes 127. */
function quantizeQ8(block: Float32Array, numbers: Uint8Array, values: Float32Array): number {
  const scale = roundToHalf(block.reduce((max, x) => Math.max(max, Math.abs(x)), 0) / 127);
  for (const [i, x] of block.entries()) {
    // + 0: a byte holds no -0
    const number = Math.max(-127, Math.min(127, Math.round(x / scale))) + 0;
    numbers[i] = number & 0xff;
    values[i] = scale * number;
  }
  return scale;
}

/** -8 ... 7, stored 8 higher, the second half of a block in the high halves of the bytes. */
function quantizeQ4(block: Float32Array, numbers: Uint8Array, values: Float32Array): number {
  const largest = block.reduce((most, x) => (Math.abs(x) > Math.abs(most) ? x : most), 0);
  const scale = roundToHalf(largest / -8);
  for (const [i, x] of block.entries()) {
    const number = Math.max(0, Math.min(15, Math.round(x / scale) + 8));
    numbers[i % 16]! |= i < 16 ? number : number << 4;
    // + 0: scale · code + offset is no -0
    values[i] = scale * (number - 8) + 0;
  }
  return scale;
}
