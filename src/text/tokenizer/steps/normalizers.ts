import { toByteLevel } from '../byte-level.ts';
import { type JsonObject, readSteps, readText, unexpected } from '../fields.ts';
import { readPattern } from './matchers.ts';
import { Matches } from '../../pattern/matches.ts';
import type { Pattern } from '../../pattern/pattern.ts';
import type { Place } from './cutter.ts';
import { inUnicodeForm, type UnicodeForm } from './unicode-form.ts';

/** Changes text before it is cut. */
export interface Normalizer {
  /** How many times as long as its input the result may be. */
  readonly growth: number;
  readonly isByteLevel?: boolean;
  /** Whether the text may begin elsewhere afterwards. */
  readonly movesStart?: boolean;
  /** Whether it must see all of a text at once, not parts that begin with an ASCII character. */
  readonly needsWhole?: boolean;
  normalize(text: string, place: Place): string;
}

/** Published replacements have one character. */
const MAX_CONTENT = 64;

const READERS = new Map(
  Object.entries<(step: JsonObject) => Normalizer>({
    NFC: () => unicodeForm('NFC', 3),
    NFD: () => unicodeForm('NFD', 4),
    NFKC: () => unicodeForm('NFKC', 18),
    NFKD: () => unicodeForm('NFKD', 18),
    Replace: readReplace,
    Prepend: readPrepend,
    Lowercase: () => ({ growth: 2, normalize: lowercase }),
    ByteLevel: () => ({ growth: 3, isByteLevel: true, normalize: toByteLevel }),
  }),
);

/** @throws TpaError `TOKENIZER_INVALID` */
export function readNormalizers(value: unknown): Normalizer[] {
  return readSteps('normalizer', value, 'normalizers', READERS);
}

/** A step that writes a content for each match of a pattern. */
export interface Replacement {
  /** How many times as long as its input the result may be. */
  readonly growth: number;
  /** Whether it takes the place of single characters. */
  readonly isByCharacter: boolean;
  replace(text: string): string;
}

/** @throws TpaError `TOKENIZER_INVALID` */
export function readReplacement(step: JsonObject): Replacement {
  const pattern = readPattern(step);
  const { content } = step;
  if (typeof content !== 'string' || content.length > MAX_CONTENT) {
    throw unexpected('Replace.content', `a text of at most ${MAX_CONTENT} characters`, content);
  }
  if (typeof pattern === 'string') {
    return {
      growth: Math.max(1, content.length / pattern.length),
      isByCharacter: [...pattern].length === 1 && content !== '',
      replace: (text) => text.split(pattern).join(content),
    };
  }
  // It may match nothing, between any two characters.
  const growth = content.length + 1;
  return { growth, isByCharacter: false, replace: (text) => replaced(text, pattern, content) };
}

function replaced(text: string, pattern: Pattern, content: string): string {
  let result = '';
  let done = 0;
  const matches = new Matches(pattern, text);
  for (let match = matches.next(); match !== undefined; match = matches.next()) {
    if (match === 'paused') continue;
    result += text.slice(done, match.start) + content;
    done = match.end;
  }
  return result + text.slice(done);
}

function unicodeForm(form: UnicodeForm, growth: number): Normalizer {
  return { growth, normalize: (text) => inUnicodeForm(text, form) };
}

function readReplace(step: JsonObject): Normalizer {
  const { growth, isByCharacter, replace } = readReplacement(step);
  return { growth, movesStart: !isByCharacter, needsWhole: !isByCharacter, normalize: replace };
}

function readPrepend(step: JsonObject): Normalizer {
  const prefix = readText(step, 'prepend', MAX_CONTENT);
  return {
    growth: 1 + prefix.length,
    movesStart: true,
    normalize: (text, place) => (text === '' || place === 'continued' ? text : prefix + text),
  };
}

/** Each character for itself: the end of a word has no sigma of its own. */
function lowercase(text: string): string {
  return text.replaceAll('Σ', 'σ').toLowerCase();
}
