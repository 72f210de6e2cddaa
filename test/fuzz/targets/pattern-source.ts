import type { Draw } from '../draw.ts';

/** A pattern, and whether a backtracking engine reads it the same and matches only this. */
export interface PatternSource {
  readonly source: string;
  readonly isPlain: boolean;
}

/** Published ones, by the models that use them. */
const PUBLISHED = [
  "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
  '\\p{N}',
  '[0-9][0-9][0-9]',
  '[一-龥぀-ゟ゠-ヿ]+',
];
/** Letters, sets and places, plain ones first: those that JavaScript reads as we do. */
const PLAIN = String.raw`a b 1 \. [ab] [^a] [a-c1] \p{L} \p{N} é 😀`.split(' ');
const ANY = [
  ...PLAIN,
  ' ',
  ...String.raw`. \s \S \w \d \h [^\s\p{L}] [a-z&&[^b]] ^ $ \b \A \z (?!a) (?=\s) (?<=a) (?<!\n) \R`.split(
    ' ',
  ),
  ...String.raw`\x41 \u0041 [[:alpha:]] \1 (?i) (?>a|b) (?<n>a) \ [ ) { \p{Foo} \G \X`.split(' '),
];
const REPEATS = ['*', '+', '?', '{2}', '{1,3}', '*?', '+?', '??'];
const ODD_REPEATS = [
  ...REPEATS,
  '{0}',
  '{0,}',
  '{3,1}',
  '{1000}',
  '{64}',
  '++',
  '*+',
  '{,5}',
  '{2}{2}',
];

/** A pattern of up to a few dozen parts, or one in use with a change. */
export function drawPattern(draw: Draw): PatternSource {
  if (draw.chance(0.1)) {
    const published = draw.pick(PUBLISHED);
    if (draw.chance(0.5)) return { source: published, isPlain: false };
    const at = draw.integer(0, published.length);
    const part = draw.pick(ANY) + draw.pick(ODD_REPEATS);
    return { source: published.slice(0, at) + part + published.slice(at), isPlain: false };
  }
  const isPlain = draw.chance(0.25);
  const source = alternatives(draw, draw.integer(0, isPlain ? 2 : 4), isPlain);
  if (!isPlain && draw.chance(0.02)) return { source: source.repeat(50), isPlain };
  return { source, isPlain };
}

function alternatives(draw: Draw, depth: number, isPlain: boolean): string {
  const count = draw.chance(0.6) ? 1 : draw.integer(2, 4);
  return Array.from({ length: count }, () => joined(draw, depth, isPlain)).join('|');
}

function joined(draw: Draw, depth: number, isPlain: boolean): string {
  const count = draw.integer(1, draw.chance(0.9) ? 3 : 8);
  return Array.from({ length: count }, () => repeated(draw, depth, isPlain)).join('');
}

/** What repeats without an end always takes a character: engines differ where it takes none. */
function repeated(draw: Draw, depth: number, isPlain: boolean): string {
  const isGroup = depth > 0 && draw.chance(0.4);
  const atom = isGroup
    ? `(?:${alternatives(draw, depth - 1, isPlain)})`
    : draw.pick(isPlain ? PLAIN : ANY);
  if (draw.chance(0.5)) return atom;
  if (!isPlain) return atom + draw.pick(ODD_REPEATS);
  return isGroup ? atom : atom + draw.pick(REPEATS);
}
