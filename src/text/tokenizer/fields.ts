import { TpaError, printable } from '../../base/errors.ts';

/*
 * Reads the parts of a tokenizer.json, which is untrusted: a field that changes ids is checked, and
 * a step that is not known is refused by its name.
 */

export type JsonObject = Readonly<Record<string, unknown>>;

/** Most steps of a stage: published files have up to 8. */
const MAX_STEPS = 16;
/** Characters of all patterns of a stage, a short one counted as {@link SHORT}: time for 8 patterns. */
const MAX_PATTERNS = 2048;
const SHORT = 256;

export function invalid(message: string): TpaError {
  return new TpaError('TOKENIZER_INVALID', `tokenizer.json: ${message}`);
}

/** What is refused for its value; a text is shown, in printable characters. */
export function unexpected(name: string, expected: string, value: unknown): TpaError {
  const isNumber = typeof value === 'number';
  const found = typeof value === 'string' ? `"${printable(value, 40)}"` : typeof value;
  return invalid(`"${name}" expected ${expected}, found ${isNumber ? value : found}`);
}

/** @throws TpaError `TOKENIZER_INVALID` */
export function asObject(name: string, value: unknown): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as JsonObject;
  }
  throw unexpected(name, 'an object', value);
}

/** @throws TpaError `TOKENIZER_INVALID` */
export function asArray(name: string, value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw unexpected(name, 'an array', value);
}

/**
 * The steps of a stage in their order, each read by its type; Sequences are taken apart.
 *
 * @param list the field in which a Sequence holds its steps
 * @throws TpaError `TOKENIZER_INVALID` for too many steps or patterns, or a step that no reader is
 *   known for
 */
export function readSteps<T>(
  stage: string,
  value: unknown,
  list: string,
  readers: ReadonlyMap<string, (step: JsonObject) => T>,
): T[] {
  const steps: T[] = [];
  let seen = 0;
  let length = 0;
  const visit = (step: unknown): void => {
    // Sequences count too: nesting is as deep at most.
    if (++seen > MAX_STEPS) throw invalid(`"${stage}" expected at most ${MAX_STEPS} steps`);
    const fields = asObject(stage, step);
    const { type, pattern } = fields;
    const { Regex } = Object(pattern) as JsonObject;
    if (typeof Regex === 'string') length += Math.max(SHORT, Regex.length);
    if (length > MAX_PATTERNS) {
      throw invalid(`"${stage}" expected at most ${MAX_PATTERNS} characters of patterns`);
    }
    if (type === 'Sequence') return asArray(`${stage}.${list}`, fields[list]).forEach(visit);
    const read = readers.get(String(type));
    if (read === undefined) {
      const known = [...readers.keys()].join(', ');
      throw unexpected(stage, `steps of type ${known} or Sequence`, type);
    }
    steps.push(read(fields));
  };
  if (value !== null && value !== undefined) visit(value);
  return steps;
}

export function readFlag(step: JsonObject, field: string, absent: boolean): boolean {
  const value = step[field] ?? absent;
  if (typeof value === 'boolean') return value;
  throw unexpectedField(step, field, 'true or false');
}

/** A text of 1 to `maxLength` UTF-16 units. */
export function readText(step: JsonObject, field: string, maxLength: number): string {
  const value = step[field];
  if (typeof value === 'string' && value.length >= 1 && value.length <= maxLength) return value;
  throw unexpectedField(step, field, `1..${maxLength} characters`);
}

/** A text of one character. */
export function readCharacter(step: JsonObject, field: string, absent?: string): string {
  const value = step[field] ?? absent;
  if (typeof value === 'string' && [...value].length === 1) return value;
  throw unexpectedField(step, field, 'one character');
}

export function readCount(step: JsonObject, field: string, max: number): number {
  const value = step[field];
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max) {
    return value as number;
  }
  throw unexpectedField(step, field, `an integer in 0..${max}`);
}

export function readChoice<const T extends string>(
  step: JsonObject,
  field: string,
  choices: readonly T[],
  absent?: T,
): T {
  const value = step[field] ?? absent;
  const choice = choices.find((known) => known === value);
  if (choice !== undefined) return choice;
  throw unexpectedField(step, field, `one of ${choices.join(', ')}`);
}

function unexpectedField(step: JsonObject, field: string, expected: string): TpaError {
  const type = typeof step['type'] === 'string' ? `${printable(step['type'], 40)}.` : '';
  return unexpected(type + field, expected, step[field]);
}
