import { checkLength, checkRule, mismatch } from '../../base/arguments.ts';
import { printable } from '../../base/errors.ts';
import { promptTooLong } from '../prompt.ts';

/** What a template works with: what JSON can say. */
export type TemplateValue =
  string | number | boolean | null | readonly TemplateValue[] | TemplateFields;

/** Values by their names. */
export interface TemplateFields {
  readonly [name: string]: TemplateValue;
}

/** Descriptions of tools nest about 10 deep; a value within itself has no end. */
const MAX_DEPTH = 32;
/** The longest names in use have about 60 characters. */
const MAX_NAME_LENGTH = 256;

/**
 * Copies what a caller gives to a template, each value read once. It keeps account of all that it
 * copies: a small value that is there many times is many values.
 */
export class ValueReader {
  /** Every text and name, in the order in which they were read. */
  readonly texts: string[] = [];
  readonly #limit: number;
  #size = 0;

  /** @param limit UTF-16 units of all texts and names; any other value counts as one */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** A text; lone surrogates become U+FFFD. @throws TpaError `PROMPT_TOO_LONG` */
  text(text: string): string {
    this.#count(text.length);
    const wellFormed = text.replaceAll(/\p{Surrogate}/gu, '\uFFFD');
    this.texts.push(wellFormed);
    return wellFormed;
  }

  /**
   * A copy of any value.
   *
   * @throws TypeError, RangeError that name the place; TpaError `PROMPT_TOO_LONG`
   */
  value(place: string, value: unknown, depth = 0): TemplateValue {
    checkRule(place, depth <= MAX_DEPTH, `at most ${MAX_DEPTH} levels`, depth);
    if (typeof value === 'string') return this.text(value);
    if (Array.isArray(value)) {
      this.#count(value.length);
      return Array.from(value, (item, i) => this.value(`${place}[${i}]`, item, depth + 1));
    }
    if (typeof value === 'object' && value !== null) return this.fields(place, value, depth);
    this.#count(1);
    if (value === null || typeof value === 'boolean') return value;
    if (typeof value === 'number') {
      checkRule(place, Number.isFinite(value), 'a finite number', value);
      return value;
    }
    throw new TypeError(mismatch(place, 'a value that JSON can hold', value));
  }

  /**
   * A copy of an object's own fields; those that are undefined are left out.
   *
   * @throws as {@link value}, TypeError for what is no plain object
   */
  fields(place: string, value: unknown, depth = 0): TemplateFields {
    if (!isPlain(value)) throw new TypeError(mismatch(place, 'a plain object', value));
    const names = Object.keys(value);
    this.#count(names.length);
    const fields: [string, TemplateValue][] = [];
    for (const name of names) {
      const field: unknown = value[name];
      if (field === undefined) continue;
      const inner = `${place}.${printable(name, 40)}`;
      checkLength(`the name of ${inner}`, name, MAX_NAME_LENGTH);
      if (name === '__proto__') throw new TypeError(mismatch(inner, 'another name', field));
      fields.push([this.text(name), this.value(inner, field, depth + 1)]);
    }
    return Object.fromEntries(fields);
  }

  /** An array of objects. @throws as {@link fields}, TypeError for what is no array */
  list(place: string, value: unknown): TemplateFields[] {
    if (!Array.isArray(value)) throw new TypeError(mismatch(place, 'an array', value));
    this.#count(value.length);
    return Array.from(value, (item: unknown, i) => this.fields(`${place}[${i}]`, item, 1));
  }

  #count(size: number): void {
    this.#size += size;
    if (this.#size > this.#limit) throw promptTooLong(this.#size, 'UTF-8 bytes', this.#limit);
  }
}

/** An object of this realm or another, without a class of its own. */
function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
