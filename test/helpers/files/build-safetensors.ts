import { bytesOf } from './bytes.ts';

/** A tensor to be written. */
export interface TensorData {
  readonly name: string;
  readonly dtype?: 'F32' | 'F16' | 'BF16';
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/**
 * The bytes of a safetensors file, tensors in the order given. Values are rounded to the dtype
 * (float16 and bfloat16 by truncation: use values they can hold).
 */
export function buildSafetensors(tensors: Iterable<TensorData>): Uint8Array {
  const header: Record<string, unknown> = {};
  const parts: Uint8Array[] = [];
  let end = 0;
  for (const { name, dtype = 'F32', shape, data } of tensors) {
    const bytes = encode(data, dtype);
    header[name] = { dtype, shape, data_offsets: [end, end + bytes.length] };
    end += bytes.length;
    parts.push(bytes);
  }
  return withHeader(JSON.stringify(header), bytesOf(...parts));
}

/** A file of this header text, true or not, and these data bytes. */
export function withHeader(
  header: string | Uint8Array,
  data: Uint8Array = new Uint8Array(),
): Uint8Array {
  const text = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const prefix = new Uint8Array(8);
  new DataView(prefix.buffer).setBigUint64(0, BigInt(text.length), true);
  return bytesOf(prefix, text, data);
}

/** The numbers in a dtype, truncated. */
export function encode(data: ArrayLike<number>, dtype: 'F32' | 'F16' | 'BF16'): Uint8Array {
  const floats = Float32Array.from(data);
  if (dtype === 'F32') return new Uint8Array(floats.buffer);
  const bits = new Uint32Array(floats.buffer);
  const halves = Uint16Array.from(bits, dtype === 'BF16' ? (b) => b >>> 16 : halfBits);
  return new Uint8Array(halves.buffer);
}

/** Bits of a float32 to those of the float16 next to it towards zero. */
function halfBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const exponent = ((bits >>> 23) & 0xff) - 112;
  const fraction = bits & 0x7fffff;
  if (exponent === 0xff - 112) return sign | 0x7c00 | (fraction ? 0x200 : 0);
  if (exponent >= 0x1f) return sign | 0x7bff;
  if (exponent > 0) return sign | (exponent << 10) | (fraction >>> 13);
  return exponent < -10 ? sign : sign | ((fraction | 0x800000) >>> (14 - exponent));
}
