import { readFileSync } from 'node:fs';
import { halfToNumber } from '../../reference/half.ts';

/** A stored tensor; F16 is widened to float32. */
export interface StoredTensor {
  dtype: string;
  shape: number[];
  data: Float32Array | Int32Array;
}

/** Reads a trusted `.safetensors` file (F32, F16, I32); independent of the library's own reader. */
export function readSafetensors(path: string): Map<string, StoredTensor> {
  const file = readFileSync(path);
  const headerEnd = 8 + Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.toString('utf8', 8, headerEnd)) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const tensors = new Map<string, StoredTensor>();
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const [start, end] = data_offsets;
    // a fresh buffer, because typed arrays need aligned bytes
    const bytes = Uint8Array.from(file.subarray(headerEnd + start, headerEnd + end)).buffer;
    tensors.set(name, { dtype, shape, data: decode(dtype, bytes) });
  }
  return tensors;
}

function decode(dtype: string, bytes: ArrayBuffer): Float32Array | Int32Array {
  switch (dtype) {
    case 'F32':
      return new Float32Array(bytes);
    case 'I32':
      return new Int32Array(bytes);
    case 'F16':
      return Float32Array.from(new Uint16Array(bytes), halfToNumber);
    default:
      throw new Error(`unexpected dtype ${dtype}`);
  }
}
