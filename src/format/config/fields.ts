import { TpaError, printable } from '../../base/errors.ts';
import type { Refuse } from '../files/json.ts';

/** The fields of a JSON file: checks each value that is asked for and remembers which were. */
export class Fields {
  /** A Map, so that a key like `__proto__` is a key and nothing else. */
  readonly #values: ReadonlyMap<string, unknown>;
  /** What comes before a key in messages: the key of the object it is in, and a dot. */
  readonly #prefix: string;
  readonly #file: string;
  readonly #read = new Set<string>();
  readonly #objects: Fields[] = [];

  /** @throws TpaError `CONFIG_INVALID` where `json` is no object */
  constructor(json: unknown, file = 'config.json', prefix = '') {
    if (typeof json !== 'object' || json === null || Array.isArray(json)) {
      throw invalidConfig(prefix.slice(0, -1), 'an object', describe(json), file);
    }
    this.#file = file;
    this.#prefix = prefix;
    this.#values = new Map(Object.entries(json));
  }

  /** The value as it stands; undefined also for null, which exporters write for what is not set. */
  get(key: string): unknown {
    this.#read.add(key);
    return this.#values.get(key) ?? undefined;
  }

  /** Whether the file has the key, be it null: some defaults differ between null and no key. */
  has(key: string): boolean {
    return this.#values.has(key);
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
    const value = this.get(key) ?? [];
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (values.length > maxLength) {
      throw this.invalid(key, `at most ${maxLength} integers`, values.length);
    }
    return Array.from(values, (item) => this.#checkInteger(key, item, min, max));
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

  /** @throws TpaError `CONFIG_INVALID` where the value is set but no boolean */
  boolean(key: string, fallback = false): boolean {
    return this.oneOf(key, [true, false]) ?? fallback;
  }

  /**
   * The fields of an object inside this one; undefined where the value is not set.
   *
   * @throws TpaError `CONFIG_INVALID` where it is something else
   */
  object(key: string): Fields | undefined {
    const value = this.get(key);
    if (value === undefined) return undefined;
    const fields = new Fields(value, this.#file, `${this.#prefix}${key}.`);
    this.#objects.push(fields);
    return fields;
  }

  /**
   * Ids of tokens, one or an array of at most `maxLength`; none where the value is not set, for
   * which files also say -1. No model produces an id beyond its vocabulary: such ones are left out,
   * and the key is listed as ignored.
   *
   * @throws TpaError `CONFIG_INVALID`
   */
  tokenIds(key: string, vocabSize: number, maxLength: number): readonly number[] {
    const stated = this.integers(key, -1, Number.MAX_SAFE_INTEGER, maxLength);
    const ids = stated.filter((id) => id >= 0);
    const produced = ids.filter((id) => id < vocabSize);
    if (produced.length < ids.length) this.ignore(key);
    return produced;
  }

  /**
   * Refuses a key that changes the computation unless it is not set or has one of the values that
   * do not.
   *
   * @throws TpaError `CONFIG_INVALID` where the value is of another kind than `neutral`,
   *   `MODEL_UNSUPPORTED` where it is of the kind
   */
  neutral(key: string, ...neutral: readonly (string | number | boolean)[]): void {
    const value = this.get(key);
    if (value === undefined || neutral.some((one) => one === value)) return;
    const [first] = neutral;
    const rule = neutral.join(' or ');
    if (typeof value !== typeof first || Number.isNaN(value)) throw this.invalid(key, rule, value);
    // A name in place of a name is shown, other text is not.
    throw this.unsupported(key, rule, typeof first === 'string' ? value : describe(value));
  }

  /**
   * Refuses a key that switches on what is not computed, whatever else its value says.
   *
   * @throws TpaError `MODEL_UNSUPPORTED` unless it {@link isOff}
   */
  off(key: string): void {
    if (this.isOff(key)) return;
    throw this.unsupported(key, 'null, false or 0', describe(this.get(key)));
  }

  /** Whether a value says that something is off, holds nothing but null, or is not set. */
  isOff(key: string): boolean {
    const value = this.get(key);
    if (typeof value !== 'object') return isOff(value);
    return Object.values(value!).every((one) => one === null);
  }

  /** Lists a key as ignored although it was looked at. */
  ignore(key: string): void {
    this.#read.delete(key);
  }

  /** Keys that nothing asked for, printable. */
  ignored(): readonly string[] {
    const keys = [...this.#values.keys()].filter((key) => !this.#read.has(key));
    const own = keys.map((key) => printable(this.#prefix + key));
    return [...own, ...this.#objects.flatMap((fields) => fields.ignored())];
  }

  /** The error of a value of this object that breaks `rule`. */
  invalid(key: string, rule: string, found: unknown): TpaError {
    return invalidConfig(this.#prefix + key, rule, describe(found), this.#file);
  }

  /** The error of two keys that contradict each other; neither text is of the file. */
  conflict(key: string, expected: string, found: string): TpaError {
    return invalidConfig(this.#prefix + key, expected, found, this.#file);
  }

  /** The error of a sound value that asks for what this package does not compute: names are shown. */
  unsupported(key: string, rule: string, value: unknown): TpaError {
    const path = this.#prefix + key;
    const found = typeof value === 'string' ? printable(value) : describe(value);
    const message = `${this.#file}: "${path}" expected ${rule}, got ${found}`;
    return new TpaError('MODEL_UNSUPPORTED', message, { data: { path, found } });
  }

  #checkInteger(key: string, value: unknown, min: number, max: number): number {
    if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) {
      return value as number;
    }
    const range = max === Number.MAX_SAFE_INTEGER ? `>= ${min}` : `in ${min}..${max}`;
    throw this.invalid(key, `an integer ${range}`, value);
  }
}

/** The error of a value that breaks `rule`; `path` is empty for the file as a whole, `found` quotes nothing. */
function invalidConfig(path: string, rule: string, found: string, file = 'config.json'): TpaError {
  const subject = path === '' ? file : `${file}: "${path}"`;
  return new TpaError('CONFIG_INVALID', `${subject} expected ${rule}, got ${found}`, {
    data: { file, path, rule },
  });
}

/** Makes the errors of a file that is not what it should be as a whole. */
export function refuseConfig(file: string): Refuse {
  return (rule, found) => invalidConfig('', rule, found, file);
}

/** Whether a value is one by which files say that something is off, or not set. */
export function isOff(value: unknown): boolean {
  return value === undefined || value === false || value === 0 || value === -1;
}

/** Numbers and booleans as they are, everything else by its kind: no text of the file. */
function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`;
}
