import { Matches } from '../../../src/text/pattern/matches.ts';
import { compilePattern } from '../../../src/text/pattern/pattern.ts';
import { holds, target } from '../target.ts';
import { drawPattern, type PatternSource } from './pattern-source.ts';

/** A backtracking engine takes too long for more. */
const MAX_COMPARED = 40;
/** A search of 1,000 characters is one bounded piece of work, or a few. */
const MAX_PAUSES = 16;

interface Input extends PatternSource {
  readonly text: string;
}

/** A pattern of a split step and a text; plain patterns match what JavaScript's engine does. */
export const PATTERN = target<Input>({
  name: 'pattern',
  make(draw) {
    const drawn = drawPattern(draw);
    const plain = (): string => draw.pick(['a', 'b', '1', ' ', 'ab', 'é', '😀', 'aaa', '.']);
    const few = (): string => Array.from({ length: draw.integer(0, 12) }, plain).join('');
    const text = drawn.isPlain ? few() : draw.text(1000, ['aaaa', 'ab', '\r\n', ' \n']);
    return { ...drawn, text: text.replaceAll(/\p{Surrogate}/gu, '\uFFFD') };
  },
  run({ source, isPlain, text }) {
    const spans: [number, number][] = [];
    let end = 0;
    const matches = new Matches(compilePattern(source), text);
    let pauses = 0;
    for (let match = matches.next(); match !== undefined; match = matches.next()) {
      if (match === 'paused') {
        holds(++pauses <= MAX_PAUSES, 'a search ends');
        continue;
      }
      holds(match.start >= end && match.end >= match.start, 'matches come in order');
      holds(match.end <= text.length, 'matches lie in the text');
      holds(isBoundary(text, match.start) && isBoundary(text, match.end), 'whole characters');
      ({ end } = match);
      spans.push([match.start, end]);
      holds(spans.length <= text.length + 1, 'at most one match a character');
    }
    if (!isPlain || text.length > MAX_COMPARED) return;
    const expected = spansOf(new RegExp(source, 'gu'), text);
    holds(String(spans) === String(expected), `${String(spans)}, JavaScript ${String(expected)}`);
  },
});

/** An empty match that touches the one before counts for nothing, as in the reference implementation. */
function spansOf(pattern: RegExp, text: string): [number, number][] {
  let end = -1;
  return Array.from(text.matchAll(pattern), ({ index, 0: match }): [number, number] => [
    index,
    index + match.length,
  ]).filter(([start, stop]) => {
    const isKept = start < stop || start !== end;
    end = stop;
    return isKept;
  });
}

function isBoundary(text: string, at: number): boolean {
  return (
    !/^[\udc00-\udfff]/.test(text.slice(at, at + 1)) || !/[\ud800-\udbff]$/.test(text.slice(0, at))
  );
}
