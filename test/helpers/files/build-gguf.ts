import { bytesOf, littleEndian as le } from './bytes.ts';

/** Type numbers of metadata values. */
export const VALUE = {
  u8: 0,
  u32: 4,
  i32: 5,
  f32: 6,
  bool: 7,
  string: 8,
  array: 9,
  u64: 10,
} as const;
/** Type numbers of tensors. */
export const TYPE = { F32: 0, F16: 1, Q4_0: 2, Q8_0: 8, BF16: 30 } as const;

/** A tensor to be written; dimensions rows first. */
export interface GgufData {
  readonly name: string;
  readonly type?: number;
  readonly shape: readonly (number | bigint)[];
  readonly bytes: Uint8Array;
  /** Where it says its data are; by default where they are. */
  readonly offset?: number | bigint;
}

/** A file, true or not. */
export interface GgufParts {
  readonly magic?: string;
  readonly version?: number;
  /** Encoded values by key; an array, so that a key can be there twice. */
  readonly metadata: readonly (readonly [string, Uint8Array])[];
  readonly tensors: readonly GgufData[];
  readonly tensorCount?: number | bigint;
  readonly pairCount?: number | bigint;
  readonly alignment?: number;
}

/** A string with its length before it. */
export function ggufString(text: string | Uint8Array, length?: number | bigint): Uint8Array {
  const bytes = typeof text === 'string' ? bytesOf(text) : text;
  return bytesOf(le(length ?? bytes.length, 8), bytes);
}

/** An encoded value: integers become u32, other numbers f32. */
export function ggufValue(value: number | boolean | string): Uint8Array {
  if (typeof value === 'string') return bytesOf(le(VALUE.string, 4), ggufString(value));
  if (typeof value === 'boolean') return bytesOf(le(VALUE.bool, 4), value ? 1 : 0);
  if (Number.isInteger(value)) return bytesOf(le(VALUE.u32, 4), le(value, 4));
  return bytesOf(le(VALUE.f32, 4), new Uint8Array(Float32Array.of(value).buffer));
}

/** An encoded array: of texts, of i32 or, where `isFloat`, of f32. */
export function ggufArray(items: readonly (string | number)[], isFloat = false): Uint8Array {
  const isText = typeof items[0] === 'string';
  const type = isText ? VALUE.string : isFloat ? VALUE.f32 : VALUE.i32;
  const encoded = items.map((item) => {
    if (typeof item === 'string') return ggufString(item);
    return isFloat ? new Uint8Array(Float32Array.of(item).buffer) : le(item, 4);
  });
  return bytesOf(le(VALUE.array, 4), le(type, 4), le(items.length, 8), ...encoded);
}

/** The bytes of a GGUF file. */
export function buildGguf(parts: GgufParts): Uint8Array {
  const { magic = 'GGUF', version = 3, metadata, tensors, alignment = 32 } = parts;
  const infos: Uint8Array[] = [];
  const data: Uint8Array[] = [];
  let at = 0;
  for (const { name, type = TYPE.F32, shape, bytes, offset = at } of tensors) {
    const dimensions = shape.toReversed().map((n) => le(n, 8));
    infos.push(
      bytesOf(ggufString(name), le(shape.length, 4), ...dimensions, le(type, 4), le(offset, 8)),
    );
    const padding = (alignment - (bytes.length % alignment)) % alignment;
    data.push(bytes, new Uint8Array(padding));
    at += bytes.length + padding;
  }
  const header = bytesOf(
    magic,
    le(version, 4),
    le(parts.tensorCount ?? tensors.length, 8),
    le(parts.pairCount ?? metadata.length, 8),
    ...metadata.map(([key, value]) => bytesOf(ggufString(key), value)),
    ...infos,
  );
  const padding = (alignment - (header.length % alignment)) % alignment;
  return bytesOf(header, new Uint8Array(padding), ...data);
}

/** What a part says of its set, true or not. */
export interface SplitFacts {
  readonly number: number;
  readonly count: number;
  readonly tensors: number;
}

/** The metadata with which a part says it. */
export function splitMetadata({ number, count, tensors }: SplitFacts): GgufParts['metadata'] {
  return [
    ['split.no', ggufValue(number)],
    ['split.count', ggufValue(count)],
    ['split.tensors.count', ggufValue(tensors)],
  ];
}

/** A model in `count` files, the first of which has the metadata, as llama.cpp splits one. */
export function splitParts(
  { metadata, tensors, ...rest }: GgufParts,
  count: number,
): readonly GgufParts[] {
  const each = Math.ceil(tensors.length / count);
  return Array.from({ length: count }, (_, number) => {
    const facts = splitMetadata({ number, count, tensors: tensors.length });
    return {
      // the first alone says how its tensors are aligned
      ...(number === 0 && rest),
      metadata: number === 0 ? [...metadata, ...facts] : facts,
      tensors: tensors.slice(number * each, (number + 1) * each),
    };
  });
}

/** The files of {@link splitParts} by their names. */
export function splitGguf(parts: GgufParts, count: number): Map<string, Uint8Array> {
  return new Map(splitParts(parts, count).map((part, i) => [partName(i, count), buildGguf(part)]));
}

/** `model-00001-of-00003.gguf` is the first of three. */
export function partName(index: number, count: number): string {
  const [number, parts] = [index + 1, count].map((n) => String(n).padStart(5, '0'));
  return `model-${number}-of-${parts}.gguf`;
}
