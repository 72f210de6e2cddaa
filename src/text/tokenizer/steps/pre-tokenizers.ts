import { toByteLevel } from '../byte-level.ts';
import { BEHAVIORS, type Behavior, type Cut, Cutter, type Place } from './cutter.ts';
import {
  invalid,
  type JsonObject,
  readCharacter,
  readChoice,
  readCount,
  readFlag,
  readSteps,
} from '../fields.ts';
import {
  charactersAtATime,
  literal,
  NUMERIC,
  PUNCTUATION,
  readPattern,
  WHITESPACE,
  WORDS,
} from './matchers.ts';
import { compilePattern, type Pattern } from '../../pattern/pattern.ts';

/** The pattern that the ByteLevel step holds itself, GPT-2's. */
const GPT2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

const READERS = new Map(
  Object.entries<(step: JsonObject) => Cut[]>({
    ByteLevel: readByteLevel,
    Split: readSplit,
    Digits: readDigits,
    Punctuation: readPunctuation,
    Whitespace: () => [cut(WORDS, 'Removed', true)],
    WhitespaceSplit: () => [cut(WHITESPACE, 'Removed')],
    BertPreTokenizer: () => [cut(WHITESPACE, 'Removed'), cut(PUNCTUATION, 'Isolated')],
    Metaspace: readMetaspace,
    CharDelimiterSplit: (step) => [cut(literal(readCharacter(step, 'delimiter')), 'Removed')],
    FixedLength: (step) => [
      cut(charactersAtATime(readCount(step, 'length', 1, 2 ** 31)), 'Isolated'),
    ],
  }),
);

/** @throws TpaError `TOKENIZER_INVALID` */
export function readPreTokenizers(value: unknown): Cut[] {
  return readSteps('pre_tokenizer', value, 'pretokenizers', READERS).flat();
}

/** No step: a piece is a word. */
const WHOLE: Cut = { growth: 1 };

/** The words of one piece of text after another, by all steps of a tokenizer. */
export class PreTokenizer {
  readonly #cutters: readonly Cutter[];

  constructor(cuts: readonly Cut[]) {
    const steps = cuts.length > 0 ? cuts : [WHOLE];
    this.#cutters = steps.map((step, i) => {
      // What takes the words reads them as bytes itself.
      const isLast = i === steps.length - 1;
      return new Cutter(isLast && step.isByteLevel ? { ...step, finish: undefined } : step);
    });
  }

  begin(piece: string, place: Place): void {
    this.#cutters[0]!.begin(piece, place);
  }

  /** The next word; '' where a bounded search has found none yet, undefined at the end. */
  next(): string | undefined {
    return this.#pull(this.#cutters.length - 1);
  }

  #pull(step: number): string | undefined {
    const cutter = this.#cutters[step]!;
    for (;;) {
      const part = cutter.next();
      if (part !== undefined || step === 0) return part;
      const piece = this.#pull(step - 1);
      if (!piece) return piece;
      cutter.begin(piece, this.#cutters[step - 1]!.place);
    }
  }
}

function cut(pattern: Pattern, behavior: Behavior, isInverted = false): Cut {
  return { growth: 1, pattern, behavior, isInverted };
}

function readByteLevel(step: JsonObject): Cut[] {
  const hasPrefix = readFlag(step, 'add_prefix_space', false);
  const usesPattern = readFlag(step, 'use_regex', true);
  return [
    {
      growth: hasPrefix ? 4 : 3,
      isByteLevel: true,
      ...(hasPrefix && { movesStart: true, prepare: prefixing(' ') }),
      ...(usesPattern && { pattern: compilePattern(GPT2), behavior: 'Isolated' }),
      finish: toByteLevel,
    },
  ];
}

function readSplit(step: JsonObject): Cut[] {
  const pattern = readPattern(step);
  const behavior = readChoice(step, 'behavior', BEHAVIORS);
  return [
    cut(
      typeof pattern === 'string' ? literal(pattern) : pattern,
      behavior,
      readFlag(step, 'invert', false),
    ),
  ];
}

function readDigits(step: JsonObject): Cut[] {
  const isIndividual = readFlag(step, 'individual_digits', false);
  return [cut(NUMERIC, isIndividual ? 'Isolated' : 'Contiguous')];
}

function readPunctuation(step: JsonObject): Cut[] {
  return [cut(PUNCTUATION, readChoice(step, 'behavior', BEHAVIORS, 'Isolated'))];
}

function readMetaspace(step: JsonObject): Cut[] {
  const space = readCharacter(step, 'replacement', '\u2581');
  const schemes = ['always', 'first', 'never'] as const;
  const isOld = readFlag(step, 'add_prefix_space', true) === false;
  const scheme = readChoice(step, 'prepend_scheme', schemes, isOld ? 'never' : 'always');
  if (isOld && scheme !== 'never') {
    throw invalid('"Metaspace.prepend_scheme" expected "never" where it adds no prefix space');
  }
  const prefixed = prefixing(space);
  const prepare = (piece: string, place: Place): string => {
    const spaced = piece.replaceAll(' ', space);
    const isPrefixed = scheme === 'always' || (scheme === 'first' && place === 'opening');
    return isPrefixed ? prefixed(spaced, place) : spaced;
  };
  const isSplit = readFlag(step, 'split', true);
  // A prefix for each piece, however short.
  const growth = scheme === 'never' ? space.length : 1 + space.length;
  const whole = {
    growth,
    movesStart: scheme !== 'never',
    needsStart: scheme === 'first',
    prepare,
  };
  return [isSplit ? { ...whole, pattern: literal(space), behavior: 'MergedWithNext' } : whole];
}

/** Puts a prefix before pieces that neither have one nor continue a text. */
function prefixing(prefix: string): (piece: string, place: Place) => string {
  return (piece, place) =>
    place === 'continued' || piece.startsWith(prefix) ? piece : prefix + piece;
}
