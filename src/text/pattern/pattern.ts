import { Automaton } from './automaton.ts';
import { refusedPattern } from './cursor.ts';
import { parsePattern } from './parser.ts';
import { compileProgram } from './program.ts';
import { type Match, TextScan } from './text-scan.ts';

export type { Match } from './text-scan.ts';

/** What is looked for in texts. */
export interface Pattern {
  /** Begins to look through a text; the matches of it take time in proportion to it. */
  scan(text: string): Scan;
}

/** One text that is looked through. */
export interface Scan {
  /**
   * The leftmost match at or after `from`, the one that a backtracking engine would find; undefined
   * if there is none. It may be empty. `'paused'` after a bounded piece of work: the same call again
   * goes on.
   *
   * @param from between two characters
   */
  find(from: number): Match | 'paused' | undefined;
}

/** Published split patterns have up to about 600 characters. */
const MAX_SOURCE_LENGTH = 1024;

/**
 * Makes a split pattern of a tokenizer.json ready. Read as Oniguruma reads it: sets (`\s \d \w
 * \p{…} .`, classes with ranges, `^`, nesting and `&&`), groups, `(?i:…)`, `|`, repetitions (greedy,
 * lazy, counted; possessive of one character), `^ $ \b \B`, looks ahead, and looks behind at one
 * character. The rest needs backtracking, or is in no published file.
 *
 * @throws TpaError `TOKENIZER_INVALID` naming what is outside of that
 */
export function compilePattern(source: string): Pattern {
  if (source.length > MAX_SOURCE_LENGTH) {
    throw refusedPattern(`it has ${source.length} characters, more than ${MAX_SOURCE_LENGTH}`);
  }
  const parsed = parsePattern(source);
  const automaton = new Automaton(compileProgram(parsed), parsed);
  return { scan: (text) => new TextScan(automaton, text) };
}
