import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Automaton } from '../../../src/text/pattern/automaton.ts';
import { Matches } from '../../../src/text/pattern/matches.ts';
import { compilePattern } from '../../../src/text/pattern/pattern.ts';
import { eachRefused, refused } from '../../helpers/checks/refused.ts';

const test = suite('compilePattern()');

/** What the reference implementation (Rust, with Oniguruma) makes of texts cut at every match. */
const fixture = JSON.parse(
  readFileSync(new URL('../../fixtures/split_patterns.json', import.meta.url), 'utf8'),
) as { texts: string[]; patterns: Record<string, { source: string; pieces: string[][] }> };

/** A text cut before and after every match. */
function cut(source: string, text: string): string[] {
  const pieces: string[] = [];
  let end = 0;
  for (const [start, stop] of spansIn(source, text)) {
    pieces.push(text.slice(end, start), text.slice(start, stop));
    end = stop;
  }
  return [...pieces, text.slice(end)].filter((piece) => piece !== '');
}

function spansIn(source: string, text: string): [start: number, end: number][] {
  const matches = new Matches(compilePattern(source), text);
  const spans: [number, number][] = [];
  for (let match = matches.next(); match !== undefined; match = matches.next()) {
    if (match !== 'paused') spans.push([match.start, match.end]);
  }
  return spans;
}

/** States asked for while all matches of a text are found. */
function statesOf(source: string, text: string): number {
  const { previous } = Automaton.prototype;
  let count = 0;
  Automaton.prototype.previous = function (...args) {
    count++;
    return previous.apply(this, args);
  };
  try {
    spansIn(source, text);
  } finally {
    Automaton.prototype.previous = previous;
  }
  return count;
}

for (const [name, { source, pieces }] of Object.entries(fixture.patterns)) {
  test(`cuts as the reference implementation: ${name}`, () => {
    for (const [i, text] of fixture.texts.entries()) assert.equal(cut(source, text), pieces[i]);
  });
}

test('find() gives the leftmost match from a place on, which may be empty', () => {
  const pattern = compilePattern('b+|');
  assert.equal(pattern.scan('abba').find(0), { start: 0, end: 0 });
  assert.equal(pattern.scan('abba').find(1), { start: 1, end: 3 });
  assert.equal(pattern.scan('abba').find(2), { start: 2, end: 3 });
  assert.equal(pattern.scan('').find(0), { start: 0, end: 0 });
  assert.is(compilePattern('x').scan('abba').find(0), undefined);
  assert.equal(compilePattern('(?<=a)b').scan('abba').find(1), { start: 1, end: 2 });
});

test('Matches leaves out an empty match that touches the one before', () => {
  assert.equal(spansIn('a*', 'baac'), [
    [0, 0],
    [1, 3],
    [4, 4],
  ]);
  assert.equal(spansIn('', '😀a'), [
    [0, 0],
    [2, 2],
    [3, 3],
  ]);
});

/** Patterns that JavaScript reads as Oniguruma does; what is repeated is never empty. */
const { pattern: patterns } = fc.letrec<{ pattern: string; solid: string; part: string }>(
  (tie) => ({
    solid: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom('a', 'b', 'c', ' ', 'é', '[ab]', '[^a]', '\\S', '.', '\\p{L}', '[^\\sb]'),
      fc.tuple(tie('solid'), tie('part')).map(([a, b]) => a + b),
      fc.tuple(tie('solid'), tie('solid')).map(([a, b]) => `(?:${a}|${b})`),
      fc
        .tuple(tie('solid'), fc.constantFrom('+', '+?', '{2}', '{1,3}'))
        .map(([a, n]) => `(?:${a})${n}`),
    ),
    part: fc.oneof(
      { maxDepth: 4 },
      tie('solid'),
      fc.constantFrom('(?=a+b)', '(?!b|ac)', '(?<=a)', '(?<!\\s)', '$'),
      fc
        .tuple(tie('solid'), fc.constantFrom('*', '*?', '?', '??', '{0,2}'))
        .map(([a, n]) => `(?:${a})${n}`),
    ),
    pattern: fc.array(tie('part'), { minLength: 1, maxLength: 3 }).map((parts) => parts.join('|')),
  }),
);

test('any pattern finds what a backtracking engine finds', () => {
  const texts = fc.string({ unit: fc.constantFrom('a', 'b', 'c', ' ', '\n', 'é'), maxLength: 16 });
  fc.assert(
    fc.property(patterns, texts, (source, text) => {
      const expected = Array.from(text.matchAll(new RegExp(source, 'gmu')), (match) => [
        match.index,
        match.index + match[0].length,
      ]);
      const found = spansIn(source, text);
      // JavaScript also counts an empty match that touches the one before.
      const kept = expected.filter(
        ([start, end], i) => start !== end || expected[i - 1]?.[1] !== end,
      );
      assert.equal(found, kept, `${source} on ${JSON.stringify(text)}`);
    }),
    { numRuns: 2000 },
  );
});

test('a text longer than a block, with pairs across the border, is read as a whole', () => {
  for (const shift of ['', 'x']) {
    const text = `${shift}${'😀'.repeat(20_000)}b${'a'.repeat(40_000)}`;
    assert.equal(spansIn('(?:😀)+b|a+', text), [
      [shift.length, shift.length + 40_001],
      [shift.length + 40_001, text.length],
    ]);
  }
});

test('hostile patterns take two states a place, all matches together', () => {
  const words = ['a'.repeat(20_000), ' '.repeat(20_000), 'ab'.repeat(10_000), '1'.repeat(20_000)];
  for (const source of [
    `${'(?:a|aa|b)'.repeat(30)}c`,
    '(a+)+$',
    '\\s+\\s+x',
    '(.+)+x|.',
    'a+b|a',
    '(?:a|ab|b)*c|a|b',
    '(?:\\s|[ ab])*c|.',
    '\\s+$|1+(?=x)|1',
    '(?:(?:a{2})+|(?:a{3})+|(?:a{5})+|(?:a{7})+)b|a',
  ]) {
    for (const text of words) {
      const places = text.length + 1;
      assert.ok(statesOf(source, text) <= 2 * places, `${source}: ${statesOf(source, text)}`);
    }
  }
});

test('a pattern keeps a bounded number of states, and finds the same when they were let go', () => {
  // What may follow depends on which of the last 12 characters were an "a": 4,096 states.
  const source = `(?:a|b)*(?:${'[ab]'.repeat(11)}a|c)`;
  let seed = 1;
  const letters = Array.from({ length: 6000 }, () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed >>> 31 ? 'a' : 'b';
  });
  const text = letters.join('');
  assert.equal(spansIn(source, text)[0], [0, text.lastIndexOf('a') + 1]);
});

test('what needs backtracking, or is not known, is refused by name', async () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['(a)\\1', /"\\1"/],
    ['(?<n>a)', /a group of an unknown kind/],
    ['a\\k<n>', /"\\k"/],
    ['(?<=ab)', /a look behind at more than one character/],
    ['(?<!a*)b', /a look behind at more than one character/],
    ['(?>ab)', /a group of an unknown kind/],
    ['(?:ab)*+', /a possessive repetition of more than one character/],
    ['(?:a*){2}', /it repeats what may be empty/],
    ['(?:|a)+', /it repeats what may be empty/],
    ['(.*)*x', /it repeats what may be empty/],
    ['(?m:a)', /a group of an unknown kind/],
    ['(?i)a', /a group of an unknown kind/],
    ['*a', /a repetition of nothing/],
    ['^*', /a repeated place/],
    ['(?i:st)', /letters of either case that Unicode writes as one/],
    ['(?i:é)', /letters of either case that Unicode writes as one/],
    ['\\p{Nothing}', /an unknown property/],
    ['[[:alpha:]]', /a class by its name/],
    ['\\q', /"\\q"/],
    ['\\R', /"\\R"/],
    ['\\A', /"\\A"/],
    ['\\h', /"\\h"/],
    ['\\x80', /"\\x"/],
    ['\\x{110000}', /a number that is no character/],
    ['[z-a]', /a range that has no order/],
    ['[a-\\d]', /a range that has no order/],
    ['[]a]', /a class that begins with "\]"/],
    ['[a', /an end too early/],
    ['a\\', /an end too early/],
    ['(a', /a group without an end/],
    ['a)', /a "\)" that closes nothing/],
    ['a{3,2}', /a count from more to less/],
    ['a{1001}', /a count above 1000/],
    ['(?:a{1000}){1000}', /more than 192 steps/],
    [`${'(?:'.repeat(12)}a${'){2}'.repeat(12)}`, /more than 192 steps/],
    ['a'.repeat(1025), /it has 1025 characters, more than 1024/],
  ];
  for (const [source, message] of cases) {
    await refused(() => compilePattern(source), 'TOKENIZER_INVALID', source, message);
  }
});

test('any text is a pattern or refused', async () => {
  const sources = fc.string({
    unit: fc.constantFrom(...'ab1(?:)[^]{,}*+|\\.$&-=!<>ipPLsxuRz '),
    maxLength: 24,
  });
  const bad: string[] = [];
  for (const source of fc.sample(sources, { numRuns: 3000, seed: 1 })) {
    try {
      spansIn(source, 'ab 1\n');
    } catch {
      bad.push(source);
    }
  }
  await eachRefused((source) => spansIn(source, 'ab 1\n'), 'TOKENIZER_INVALID', bad);
});

test.run();
