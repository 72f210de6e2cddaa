import { quoted } from '../../../base/arguments.ts';

/** A multiple-choice question, as a model is asked. */
export interface Question {
  /** Of its file, from 1. */
  readonly line: number;
  /** Stands before the examples; those of a question have the same. */
  readonly description: string;
  readonly context: string;
  /** Stands between the context and a choice. */
  readonly delimiter: string;
  readonly choices: readonly string[];
  /** Which choice is right, from 0. */
  readonly answer: number;
}

/** One line of a file of questions. */
export type Row = Readonly<Record<string, unknown>>;

/** Why a line is no question that can be asked. */
export class BadQuestion extends Error {
  override readonly name = 'BadQuestion';
}

/** The refusal of a field that holds something else. */
export function unfit(field: string, expected: string, value: unknown): BadQuestion {
  return new BadQuestion(`"${field}" expected ${expected}, got ${quoted(value)}`);
}

/** A text of a row. @throws BadQuestion */
export function textOf(row: Row, field: string): string {
  const value = row[field];
  if (typeof value === 'string') return value;
  throw unfit(field, 'a text', value);
}

/** Texts, at least two. @param name of the field, as messages show it @throws BadQuestion */
export function textsOf(value: unknown, name: string): readonly string[] {
  if (!Array.isArray(value)) throw unfit(name, 'an array of texts', value);
  const bad = value.findIndex((text) => typeof text !== 'string');
  if (bad >= 0) throw unfit(`${name}[${bad}]`, 'a text', value[bad]);
  if (value.length < 2) throw unfit(name, 'two texts or more', value.length);
  return value as string[];
}

/** Which of `count` choices is right: a number, or its digits. @throws BadQuestion */
export function indexOf(row: Row, field: string, count: number): number {
  const value = row[field];
  const index = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  const isIndex = Number.isInteger(index) && (index as number) >= 0 && (index as number) < count;
  if (isIndex) return index as number;
  throw unfit(field, `an integer in 0..${count - 1}`, value);
}
