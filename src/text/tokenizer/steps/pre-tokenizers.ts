import { toByteLevel } from '../byte-level.ts';
import { BEHAVIORS, type Behavior, type Cut, Cutter, type Place } from './cutter.ts';
import { type JsonObject, readChoice, readFlag, readSteps } from '../fields.ts';
import { GPT2, literal, PUNCTUATION, readPattern, WORDS } from './matchers.ts';
import { readMetaspace } from './metaspace.ts';
import { compilePattern, type Pattern } from '../../pattern/pattern.ts';

const READERS = new Map(
  Object.entries<(step: JsonObject) => Cut>({
    ByteLevel: readByteLevel,
    Split: readSplit,
    Digits: (step) =>
      cut('\\p{N}', readFlag(step, 'individual_digits', false) ? 'Isolated' : 'Contiguous'),
    Punctuation: (step) => cut(PUNCTUATION, readChoice(step, 'behavior', BEHAVIORS, 'Isolated')),
    Whitespace: () => cut(WORDS, 'Removed', true),
    WhitespaceSplit: () => cut('\\s', 'Removed'),
    Metaspace: readMetaspaceCut,
  }),
);

/** @throws TpaError `TOKENIZER_INVALID` */
export function readPreTokenizers(value: unknown): Cut[] {
  return readSteps('pre_tokenizer', value, 'pretokenizers', READERS);
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

function cut(pattern: Pattern | string, behavior: Behavior, isInverted = false): Cut {
  const compiled = typeof pattern === 'string' ? compilePattern(pattern) : pattern;
  return { growth: 1, pattern: compiled, behavior, isInverted };
}

function readByteLevel(step: JsonObject): Cut {
  const hasPrefix = readFlag(step, 'add_prefix_space', false);
  const usesPattern = readFlag(step, 'use_regex', true);
  return {
    growth: hasPrefix ? 4 : 3,
    isByteLevel: true,
    ...(hasPrefix && { movesStart: true, prepare: prefixing(' ') }),
    ...(usesPattern && { pattern: compilePattern(GPT2), behavior: 'Isolated' }),
    finish: toByteLevel,
  };
}

function readSplit(step: JsonObject): Cut {
  const pattern = readPattern(step);
  const behavior = readChoice(step, 'behavior', BEHAVIORS);
  const isInverted = readFlag(step, 'invert', false);
  return cut(typeof pattern === 'string' ? literal(pattern) : pattern, behavior, isInverted);
}

function readMetaspaceCut(step: JsonObject): Cut {
  const { space, scheme } = readMetaspace(step);
  const prefixed = prefixing(space);
  return {
    // A prefix for each piece, however short.
    growth: scheme === 'never' ? space.length : 1 + space.length,
    movesStart: scheme !== 'never',
    needsStart: scheme === 'first',
    prepare: (piece, place) => {
      const spaced = piece.replaceAll(' ', space);
      const isPrefixed = scheme === 'always' || (scheme === 'first' && place === 'opening');
      return isPrefixed ? prefixed(spaced, place) : spaced;
    },
    ...(readFlag(step, 'split', true) && { pattern: literal(space), behavior: 'MergedWithNext' }),
  };
}

/** Puts a prefix before pieces that neither have one nor continue a text. */
function prefixing(prefix: string): (piece: string, place: Place) => string {
  return (piece, place) =>
    place === 'continued' || piece.startsWith(prefix) ? piece : prefix + piece;
}
