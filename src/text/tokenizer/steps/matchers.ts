import { compilePattern, type Pattern } from '../../pattern/pattern.ts';
import { asObject, invalid, type JsonObject } from '../fields.ts';

/**
 * Where punctuation was added since Unicode 8, whose table the reference has: between two of these
 * none was there before.
 */
const LATER =
  '61d 9fd-a76 c77-c84 1b4e-1b4f 1b7d-1b7f 2e43-2e5d 10d6e-10f89 113d4-1145d 11660-116b9 1183b-11fff 12ff1-12ff2 16d6d-16fe2 1e5ff-1e95f';

/** What the Punctuation step cuts at; two symbols were punctuation in Unicode 8. */
export const PUNCTUATION = `[\\p{P}$+<=>^\`|~\\x{166d}\\x{111c9}&&[^${LATER.replaceAll(/([\da-f]+) ?/g, '\\x{$1}')}]]`;

/** What the Whitespace step takes for words: letters and the like, and what stands between words. */
export const WORDS = '[\\w\\p{Join_Control}]+|[^\\w\\p{Join_Control}\\s]+';

/** The pattern that the ByteLevel step holds itself, GPT-2's. */
export const GPT2 =
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/** A text, wherever it stands. */
export function literal(text: string): Pattern {
  return {
    scan: (inside) => ({
      find(from) {
        const start = inside.indexOf(text, from);
        return start < 0 ? undefined : { start, end: start + text.length };
      },
    }),
  };
}

/** The pattern of a step; a text means itself. */
export function readPattern(step: JsonObject): Pattern | string {
  const { Regex: source, String: text } = asObject('pattern', step['pattern']);
  if (typeof source === 'string') return compilePattern(source);
  if (typeof text === 'string' && text !== '') return text;
  throw invalid('"pattern" expected a "Regex" or a "String"');
}
