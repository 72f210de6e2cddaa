import { printable } from '../../base/errors.ts';
import { invalidCheckpoint, unsupportedCheckpoint } from '../errors.ts';
import type { GgufCursor } from './cursor.ts';
import type { HeaderBytes } from './header-bytes.ts';

/** A value of the metadata; integers beyond 2^53 stay what they are and fit no field. */
export type GgufValue = number | bigint | boolean | string | readonly GgufScalar[];
type GgufScalar = number | bigint | boolean | string;

/** The metadata of a GGUF file, asked for by key and type. */
export class GgufMetadata {
  readonly #values: ReadonlyMap<string, GgufValue>;

  constructor(values: ReadonlyMap<string, GgufValue>) {
    this.#values = values;
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  /** A key that another file of the same model has too, with another value; undefined for none. */
  contradiction(other: GgufMetadata, exempt: string): string | undefined {
    return [...other.#values.keys()].find((key) => {
      const [ours, theirs] = [this.#values.get(key), other.#values.get(key)];
      return key !== exempt && ours !== undefined && !isSame(ours, theirs!);
    });
  }

  /** @throws TpaError `CHECKPOINT_INVALID` where the value is no number in `min … max` */
  number(key: string, min: number, max: number): number | undefined {
    return this.#get(
      key,
      `a number in ${min}..${max}`,
      (value) => typeof value === 'number' && value >= min && value <= max,
    );
  }

  /** @throws TpaError `CHECKPOINT_INVALID` where the value is no integer in `min … max` */
  integer(key: string, min: number, max: number): number | undefined {
    const value = this.#values.get(key);
    if (value === undefined) return undefined;
    // Some writers give every layer its own: they have to agree.
    const single = Array.isArray(value) && new Set(value).size === 1 ? value[0] : value;
    if (Number.isInteger(single) && single >= min && single <= max) return single as number;
    throw this.#misfit(key, `an integer in ${min}..${max}`, value);
  }

  /**
   * The id of a token with a part to play, such as `bos`; none is also written as -1, signed or not.
   *
   * @throws TpaError `CHECKPOINT_INVALID`
   */
  tokenId(name: string): number | undefined {
    const id = this.integer(`tokenizer.ggml.${name}_token_id`, -1, NO_TOKEN) ?? NO_TOKEN;
    return id === -1 || id === NO_TOKEN ? undefined : id;
  }

  /** @throws TpaError `CHECKPOINT_INVALID` where the value is missing or no integer in range */
  requiredInteger(key: string, min: number, max: number): number {
    const value = this.integer(key, min, max);
    if (value !== undefined) return value;
    throw this.#misfit(key, `an integer in ${min}..${max}`, undefined);
  }

  /** @throws TpaError `CHECKPOINT_INVALID` where the value is no text */
  text(key: string): string | undefined {
    return this.#get(key, 'text', (value) => typeof value === 'string');
  }

  /** @throws TpaError `CHECKPOINT_INVALID` where the value is no boolean */
  boolean(key: string): boolean | undefined {
    return this.#get(key, 'a boolean', (value) => typeof value === 'boolean');
  }

  /** @throws TpaError `CHECKPOINT_INVALID` where the value is no array of texts */
  texts(key: string): readonly string[] | undefined {
    return this.#get(key, 'an array of texts', isArrayOf('string'));
  }

  /** @throws TpaError `CHECKPOINT_INVALID` where the value is no array of numbers */
  numbers(key: string): readonly number[] | undefined {
    return this.#get(key, 'an array of numbers', isArrayOf('number'));
  }

  /** The value where it `fits`, of the type that it proves. */
  #get<T extends GgufValue>(
    key: string,
    expected: string,
    fits: (value: GgufValue) => boolean,
  ): T | undefined {
    const value = this.#values.get(key);
    if (value === undefined || fits(value)) return value as T | undefined;
    throw this.#misfit(key, expected, value);
  }

  #misfit(key: string, expected: string, value: GgufValue | undefined) {
    const isShown = typeof value === 'number' || typeof value === 'boolean';
    const kind = Array.isArray(value) ? 'an array' : `a ${typeof value}`;
    const found = value === undefined ? 'nothing' : isShown ? String(value) : kind;
    return invalidCheckpoint(`"${printable(key)}"`, expected, found);
  }
}

function isSame(a: GgufValue, b: GgufValue): boolean {
  if (!Array.isArray(a) || !Array.isArray(b)) return Object.is(a, b);
  return a.length === b.length && a.every((item, i) => Object.is(item, b[i]));
}

function isArrayOf(type: 'string' | 'number'): (value: GgufValue) => boolean {
  return (value) => Array.isArray(value) && value.every((item) => typeof item === type);
}

/** The decimal that was rounded to this float32: 1e-5, not 0.000009999999747378752. */
export function shortest(value: number): number {
  for (let digits = 1; digits <= 9; digits++) {
    const candidate = Number(value.toPrecision(digits));
    if (Math.fround(candidate) === value) return candidate;
  }
  return value;
}

/** Real files have 20 to 60. */
const MAX_PAIRS = 4096;
const NO_TOKEN = 2 ** 32 - 1;
/** What the format allows. */
const MAX_KEY_BYTES = 65_535;
/** A tokenizer.json in one string takes up to 35 MB. */
const MAX_STRING_BYTES = 64 * 2 ** 20;
/** Four times the largest vocabulary published, 256 K; merges are at most about as many. */
const MAX_ARRAY_LENGTH = 2 ** 20;
/** Of all arrays together: real files have 1.3 million, each of which takes up to 40 bytes. */
const MAX_ITEMS = 2 ** 22;
/** A key's length, a type, a value. */
const LEAST_PAIR_BYTES = 8 + 4 + 1;
const STRING_TYPE = 8;
const ARRAY_TYPE = 9;

/** How a scalar is read, and the least bytes it takes. */
type Scalar = readonly [leastBytes: number, read: (c: GgufCursor, subject: string) => GgufScalar];

/** By type number. */
const SCALARS: ReadonlyMap<number, Scalar> = new Map<number, Scalar>([
  [0, [1, (c) => c.u8()]],
  [1, [1, (c) => c.i8()]],
  [2, [2, (c) => c.u16()]],
  [3, [2, (c) => c.i16()]],
  [4, [4, (c) => c.u32()]],
  [5, [4, (c) => c.i32()]],
  [6, [4, (c) => c.f32()]],
  [7, [1, readBoolean]],
  [STRING_TYPE, [8, (c, subject) => c.string(subject, MAX_STRING_BYTES)]],
  [10, [8, (c) => narrow(c.u64())]],
  [11, [8, (c) => narrow(c.i64())]],
  [12, [8, (c) => c.f64()]],
]);

/** Reads how many pairs there are; they come after the tensor count. @throws TpaError */
export function readPairCount(cursor: GgufCursor): number {
  return cursor.count('GGUF metadata', MAX_PAIRS, LEAST_PAIR_BYTES);
}

/**
 * Reads the metadata.
 *
 * @throws TpaError `CHECKPOINT_INVALID`, `MODEL_UNSUPPORTED` for arrays of arrays
 */
export async function readMetadata(header: HeaderBytes, pairs: number): Promise<GgufMetadata> {
  const values = new Map<string, GgufValue>();
  let left = MAX_ITEMS;
  for (let i = 0; i < pairs; i++) {
    const key = await header.parse((cursor) => cursor.string(`GGUF key ${i}`, MAX_KEY_BYTES));
    const subject = `"${printable(key)}"`;
    if (values.has(key)) throw invalidCheckpoint(subject, 'once', 'two');
    const value = await readValue(header, subject, Math.min(MAX_ARRAY_LENGTH, left));
    if (Array.isArray(value)) left -= value.length;
    values.set(key, value);
  }
  return new GgufMetadata(values);
}

async function readValue(
  header: HeaderBytes,
  subject: string,
  maxItems: number,
): Promise<GgufValue> {
  const type = await header.parse((cursor) => cursor.u32());
  if (type !== ARRAY_TYPE) {
    const [, read] = scalarOf(type, subject);
    return header.parse((cursor) => read(cursor, subject));
  }
  const itemType = await header.parse((cursor) => cursor.u32());
  if (itemType === ARRAY_TYPE) {
    throw unsupportedCheckpoint(subject, 'an array of scalars', 'an array of arrays');
  }
  const [leastBytes, read] = scalarOf(itemType, subject);
  const length = await header.parse((cursor) => cursor.count(subject, maxItems, leastBytes));
  const items: GgufScalar[] = [];
  await header.parse((cursor) => {
    while (items.length < length) {
      items.push(read(cursor, subject));
      cursor.keep();
    }
  });
  return items;
}

function scalarOf(type: number, subject: string) {
  const scalar = SCALARS.get(type);
  if (scalar) return scalar;
  throw invalidCheckpoint(subject, 'a value type in 0..12', type);
}

function readBoolean(cursor: GgufCursor, subject: string): boolean {
  const byte = cursor.u8();
  if (byte <= 1) return byte === 1;
  throw invalidCheckpoint(subject, 'a boolean 0 or 1', byte);
}

function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
