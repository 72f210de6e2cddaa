import { TpaError } from '../errors.ts';
import { printable } from './printable.ts';

/** The fields of a JSON file: checks each value that is asked for and remembers which were. */
export class Fields {
  /** A Map, so that a key like `__proto__` is a key and nothing else. */
  readonly #values: ReadonlyMap<string, unknown>;
  readonly #file: string;
  readonly #read = new Set<string>();

  /** @throws TpaError `CONFIG_INVALID` where `json` is no object */
  constructor(json: unknown, file = 'config.json') {
    if (typeof json !== 'object' || json === null || Array.isArray(json)) {
      throw invalidConfig('', 'an object', json, file);
    }
    this.#file = file;
    this.#values = new Map(Object.entries(json));
  }

  /** The value as it stands; undefined also for null, which exporters write for what is not set. */
  get(key: string): unknown {
    this.#read.add(key);
    return this.#values.get(key) ?? undefined;
  }

  /** @throws TpaError `CONFIG_INVALID` where the value is no number in `min … max` */
  number(key: string, min: number, max: number, fallback?: number): number {
    const value = this.get(key) ?? fallback;
    if (typeof value === 'number' && value >= min && value <= max) return value;
    throw this.invalid(key, `a number in ${min}..${max}`, value);
  }

  /** @throws TpaError `CONFIG_INVALID` where the value is no integer in `min … max` */
  integer(key: string, min: number, max: number, fallback?: number): number {
    return this.#checkInteger(key, this.get(key) ?? fallback, min, max);
  }

  /**
   * One integer or an array of at most `maxLength`; none where the value is not set.
   *
   * @throws TpaError `CONFIG_INVALID`
   */
  integers(key: string, min: number, max: number, maxLength: number): readonly number[] {
    const values = [this.get(key) ?? []].flat();
    if (values.length > maxLength) {
      throw this.invalid(key, `at most ${maxLength} integers`, values.length);
    }
    return values.map((value) => this.#checkInteger(key, value, min, max));
  }

  /** @throws TpaError `CONFIG_INVALID` where the value is set but none of `values` */
  oneOf<T extends string | boolean>(key: string, values: readonly T[]): T | undefined {
    const found = this.get(key);
    const value = values.find((candidate) => candidate === found);
    if (value === undefined && found !== undefined) {
      throw this.invalid(key, `one of ${values.join(', ')}`, found);
    }
    return value;
  }

  /** Keys that nothing asked for, printable. */
  ignored(): readonly string[] {
    const keys = [...this.#values.keys()].filter((key) => !this.#read.has(key));
    return keys.map((key) => printable(key));
  }

  /** The error of a value of this file that breaks `rule`. */
  invalid(key: string, rule: string, found: unknown): TpaError {
    return invalidConfig(key, rule, found, this.#file);
  }

  #checkInteger(key: string, value: unknown, min: number, max: number): number {
    if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) {
      return value as number;
    }
    const range = max === Number.MAX_SAFE_INTEGER ? `>= ${min}` : `in ${min}..${max}`;
    throw this.invalid(key, `an integer ${range}`, value);
  }
}

/** The error of a value that breaks `rule`; `path` is empty for the file as a whole. */
export function invalidConfig(
  path: string,
  rule: string,
  found: unknown,
  file = 'config.json',
): TpaError {
  const subject = path === '' ? file : `${file}: "${path}"`;
  return new TpaError('CONFIG_INVALID', `${subject} expected ${rule}, got ${describe(found)}`, {
    data: { file, path, rule },
  });
}

/** Numbers and booleans as they are, everything else by its kind: no text of the file. */
export function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`;
}
