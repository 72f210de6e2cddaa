import { integers, joined } from './bytes.ts';

/** Numbers of the element types in the file. */
export const GGUF_TYPES = { F32: 0, F16: 1, Q4_0: 2, Q8_0: 8 } as const;

/** A tensor to be written, rows first. */
export interface GgufTensor {
  readonly name: string;
  readonly type: keyof typeof GGUF_TYPES;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

const ALIGNMENT = 32;
const STRING = 8;
const U32 = 4;
const F32 = 6;

/** The pieces of a GGUF file. Metadata that are integers become u32, other numbers f32. */
export function* ggufFile(
  metadata: Readonly<Record<string, string | number>>,
  tensors: readonly GgufTensor[],
): Generator<Uint8Array> {
  const pairs = Object.entries(metadata).map(([key, value]) => joined(text(key), encoded(value)));
  const infos: Uint8Array[] = [];
  let offset = 0;
  for (const { name, type, shape, bytes } of tensors) {
    const sizes = integers(8, ...shape.toReversed());
    const typeNumber = integers(4, GGUF_TYPES[type]);
    infos.push(
      joined(text(name), integers(4, shape.length), sizes, typeNumber, integers(8, offset)),
    );
    offset += bytes.length + padding(bytes.length).length;
  }
  const counts = integers(8, tensors.length, pairs.length);
  const header = joined('GGUF', integers(4, 3), counts, ...pairs, ...infos);
  yield header;
  yield padding(header.length);
  for (const { bytes } of tensors) {
    yield bytes;
    yield padding(bytes.length);
  }
}

function encoded(value: string | number): Uint8Array {
  if (typeof value === 'string') return joined(integers(4, STRING), text(value));
  if (Number.isInteger(value)) return integers(4, U32, value);
  return joined(integers(4, F32), new Uint8Array(Float32Array.of(value).buffer));
}

function text(value: string): Uint8Array {
  const bytes = joined(value);
  return joined(integers(8, bytes.length), bytes);
}

function padding(length: number): Uint8Array {
  return new Uint8Array((ALIGNMENT - (length % ALIGNMENT)) % ALIGNMENT);
}
