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
const ARRAY = 9;

/** A float32 whatever its value; numbers alone are u32 where they are integers. */
type Value = string | number | Float32Array;

/** The pieces of a GGUF file. Metadata that are integers become u32, other numbers f32. */
export function* ggufFile(
  metadata: Readonly<Record<string, Value | readonly Value[]>>,
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

function encoded(value: Value | readonly Value[]): Uint8Array {
  if (!isArray(value)) return joined(integers(4, typeOf(value)), content(value));
  const items = value.map(content);
  // as one array: a call takes no 150,000 arguments
  return Buffer.concat([
    integers(4, ARRAY, typeOf(value[0]!)),
    integers(8, items.length),
    ...items,
  ]);
}

function isArray(value: Value | readonly Value[]): value is readonly Value[] {
  return Array.isArray(value);
}

function typeOf(value: Value): number {
  if (typeof value === 'string') return STRING;
  if (typeof value === 'object') return F32;
  return Number.isInteger(value) ? U32 : F32;
}

function content(value: Value): Uint8Array {
  if (typeof value === 'string') return text(value);
  if (typeof value === 'object') return new Uint8Array(value.buffer);
  if (Number.isInteger(value)) return integers(4, value);
  return new Uint8Array(Float32Array.of(value).buffer);
}

function text(value: string): Uint8Array {
  const bytes = joined(value);
  return joined(integers(8, bytes.length), bytes);
}

function padding(length: number): Uint8Array {
  return new Uint8Array((ALIGNMENT - (length % ALIGNMENT)) % ALIGNMENT);
}
