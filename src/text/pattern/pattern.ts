import { Automaton } from './automaton.ts';
import { refusedPattern } from './cursor.ts';
import { parsePattern } from './parser.ts';
import { compileProgram } from './program.ts';
import { type Match, TextScan } from './text-scan.ts';

export type { Match } from './text-scan.ts';

/** A pattern whose matches all together take time in proportion to the text. */
export interface Pattern {
  /**
   * The leftmost match at or after `from`, the one that a backtracking engine would find; undefined
   * if there is none. It may be empty: `matches` goes through all without standing still.
   *
   * @param from between two characters
   */
  find(text: string, from: number): Match | undefined;
  /**
   * All matches in order. An empty one that touches the match before it is left out, as the
   * reference implementation does.
   */
  matches(text: string): Generator<Match>;
}

/** Published split patterns have up to about 600 characters. */
const MAX_SOURCE_LENGTH = 1024;

/**
 * Makes a split pattern of a tokenizer.json ready. Read as Oniguruma reads it: sets (`\s \d \w \h
 * \p{…} .`, classes with ranges, `^`, nesting and `&&`), groups, `(?i:…)`, `|`, repetitions (greedy,
 * lazy, counted; possessive of one character), `^ $ \A \z \b \B \R`, and looks ahead, and
 * looks behind at one character. The rest needs backtracking, or is in no published file.
 *
 * @throws TpaError `TOKENIZER_INVALID` naming what is outside of that
 */
export function compilePattern(source: string): Pattern {
  if (source.length > MAX_SOURCE_LENGTH) {
    throw refusedPattern(`it has ${source.length} characters, more than ${MAX_SOURCE_LENGTH}`);
  }
  const parsed = parsePattern(source);
  const automaton = new Automaton(compileProgram(parsed), parsed);
  let last: TextScan | undefined;
  return {
    find(text, from) {
      if (last?.text !== text) last = new TextScan(automaton, text);
      const match = last.find(from);
      if (match === undefined) last = undefined; // the text need not stay
      return match;
    },
    *matches(text) {
      const scan = new TextScan(automaton, text);
      let end = -1;
      for (let from = 0; from <= text.length;) {
        const match = scan.find(from);
        if (match === undefined) return;
        from = match.end;
        if (match.start === match.end) from += text.codePointAt(from)! > 0xffff ? 2 : 1;
        if (match.start < match.end || match.end !== end) yield match;
        end = match.end;
      }
    },
  };
}
