import { TpaError, printable } from '../../base/errors.ts';

/*
 * Reads the parts of a tokenizer.json, which is untrusted: a field that changes ids is checked, and
 * a step that is not known is refused by its name.
 */

export type JsonObject = Readonly<Record<string, unknown>>;

/** Most steps of a stage: published files have up to 8. */
const MAX_STEPS = 16;

export function invalid(message: string): TpaError {
  return new TpaError('TOKENIZER_INVALID', `tokenizer.json: ${message}`);
}

/** @throws TpaError `TOKENIZER_INVALID` */
export function asObject(name: string, value: unknown): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as JsonObject;
  }
  throw invalid(`"${name}" expected an object`);
}

/**
 * The steps of a stage in their order, each read by its type; Sequences are taken apart.
 *
 * @param list the field in which a Sequence holds its steps
 * @throws TpaError `TOKENIZER_INVALID` for too many steps, or one that no reader is known for
 */
export function readSteps<T>(
  stage: string,
  value: unknown,
  list: string,
  readers: ReadonlyMap<string, (step: JsonObject) => T>,
): T[] {
  const steps: T[] = [];
  let seen = 0;
  const visit = (step: unknown): void => {
    // Sequences count too: nesting is as deep at most.
    if (++seen > MAX_STEPS) throw invalid(`"${stage}" expected at most ${MAX_STEPS} steps`);
    const fields = asObject(stage, step);
    const { type } = fields;
    if (type === 'Sequence') {
      const inner = fields[list];
      if (!Array.isArray(inner)) throw invalid(`"${stage}.${list}" expected an array`);
      return inner.forEach(visit);
    }
    const read = readers.get(String(type));
    if (read === undefined) {
      const found = typeof type === 'string' ? `"${printable(type, 40)}"` : typeof type;
      const known = [...readers.keys()].join(', ');
      throw invalid(`"${stage}" expected steps of type ${known} or Sequence, found ${found}`);
    }
    steps.push(read(fields));
  };
  if (value !== null && value !== undefined) visit(value);
  return steps;
}

export function readFlag(step: JsonObject, field: string, absent: boolean): boolean {
  const value = step[field] ?? absent;
  if (typeof value === 'boolean') return value;
  throw invalid(`"${nameOf(step, field)}" expected true or false, found ${typeof value}`);
}

/** A text of 1 to `maxLength` UTF-16 units. */
export function readText(step: JsonObject, field: string, maxLength: number): string {
  const value = step[field];
  if (typeof value === 'string' && value.length >= 1 && value.length <= maxLength) return value;
  const found = typeof value === 'string' ? value.length : typeof value;
  throw invalid(`"${nameOf(step, field)}" expected 1..${maxLength} characters, found ${found}`);
}

/** A text of one character. */
export function readCharacter(step: JsonObject, field: string, absent?: string): string {
  const value = step[field] ?? absent;
  if (typeof value === 'string' && [...value].length === 1) return value;
  throw invalid(`"${nameOf(step, field)}" expected one character`);
}

export function readCount(step: JsonObject, field: string, min: number, max: number): number {
  const value = step[field];
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) {
    return value as number;
  }
  const found = typeof value === 'number' ? value : typeof value;
  throw invalid(`"${nameOf(step, field)}" expected an integer in ${min}..${max}, found ${found}`);
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
  const found = typeof value === 'string' ? `"${printable(value, 40)}"` : typeof value;
  throw invalid(`"${nameOf(step, field)}" expected one of ${choices.join(', ')}, found ${found}`);
}

function nameOf(step: JsonObject, field: string): string {
  return typeof step['type'] === 'string' ? `${step['type']}.${field}` : field;
}
