import { Matches } from '../../pattern/matches.ts';
import type { Match, Pattern } from '../../pattern/pattern.ts';

/**
 * Where a piece of text stands: it opens the text, continues text that stands before it, or comes
 * behind an added token or a cut. A prefix is put before all but what continues.
 */
export type Place = 'opening' | 'continued' | 'inner';

/** What becomes of a match: dropped, a piece of its own, or joined to what stands beside it. */
export const BEHAVIORS = [
  'Removed',
  'Isolated',
  'MergedWithPrevious',
  'MergedWithNext',
  'Contiguous',
] as const;

export type Behavior = (typeof BEHAVIORS)[number];

/** How a step cuts the pieces of the step before it. */
export interface Cut {
  /** How many times as long as its input the result may be. */
  readonly growth: number;
  /** Where it cuts; without it a piece stays whole. */
  readonly pattern?: Pattern;
  readonly behavior?: Behavior;
  /** Whether what does not match is taken for the matches. */
  readonly isInverted?: boolean;
  /** Changes a piece before it is cut. */
  readonly prepare?: (piece: string, place: Place) => string;
  /** Whether each part is bytes from here on. */
  readonly isByteLevel?: boolean;
  /** Whether the text may begin elsewhere afterwards. */
  readonly movesStart?: boolean;
  /** Whether the piece that the text begins with is treated differently. */
  readonly needsStart?: boolean;
  /** Changes what was cut. */
  readonly finish?: ((part: string) => string) | undefined;
}

/** A stretch of text, and whether it is a match. */
interface Stretch {
  readonly start: number;
  end: number;
  isMatch: boolean;
}

/** Stretches looked at in a call: some 20 us. */
const MAX_STRETCHES = 256;

/** Cuts one piece after another, a part at a time, so that no piece is too long. */
export class Cutter {
  readonly #cut: Cut;
  #text = '';
  #place: Place = 'inner';
  #matches: Matches | undefined;
  #match: Match | undefined;
  /** Where the stretches that were given end. */
  #done = 0;
  #last: Stretch | undefined;
  /** Where the last part stands. */
  place: Place = 'inner';

  constructor(cut: Cut) {
    this.#cut = cut;
  }

  begin(piece: string, place: Place): void {
    const { prepare, pattern } = this.#cut;
    this.#text = prepare === undefined ? piece : prepare(piece, place);
    this.#place = place;
    this.#matches = pattern && new Matches(pattern, this.#text);
    this.#done = 0;
  }

  /** The next part; '' where a bounded search has found none yet, undefined at the end. */
  next(): string | undefined {
    const isRemoved = this.#cut.behavior === 'Removed';
    for (let count = 0; count < MAX_STRETCHES; count++) {
      const next = this.#stretch();
      if (next === 'paused') return '';
      const last = this.#last;
      if (last !== undefined && next !== undefined && this.#joins(last.isMatch, next.isMatch)) {
        last.end = next.end;
        last.isMatch = next.isMatch;
        continue;
      }
      this.#last = next;
      if (last === undefined && next === undefined) return undefined;
      if (last !== undefined && last.start < last.end && !(isRemoved && last.isMatch)) {
        this.place = last.start === 0 ? this.#place : 'inner';
        const part = this.#text.slice(last.start, last.end);
        return this.#cut.finish === undefined ? part : this.#cut.finish(part);
      }
    }
    return '';
  }

  /** The next match, or what stands before it. */
  #stretch(): Stretch | 'paused' | undefined {
    const start = this.#done;
    const isInverted = this.#cut.isInverted === true;
    const match = this.#match ?? this.#matches?.next();
    if (match === 'paused') return match;
    this.#match = match;
    if (match !== undefined && match.start === start) {
      this.#match = undefined;
      this.#done = match.end;
      return { start, end: match.end, isMatch: !isInverted };
    }
    const end = match?.start ?? this.#text.length;
    if (start === end) return undefined;
    this.#done = end;
    return { start, end, isMatch: isInverted };
  }

  #joins(isMatch: boolean, isNextMatch: boolean): boolean {
    switch (this.#cut.behavior) {
      case 'MergedWithPrevious':
        return !isMatch && isNextMatch;
      case 'MergedWithNext':
        return isMatch && !isNextMatch;
      case 'Contiguous':
        return isMatch === isNextMatch;
      default:
        return false;
    }
  }
}
