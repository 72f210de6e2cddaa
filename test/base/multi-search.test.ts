import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MultiSearch } from '../../src/base/multi-search.ts';

const test = suite('MultiSearch');

/** The same, by trying every pattern everywhere. */
function tryAll(patterns: readonly string[], text: string, from: number, to: number) {
  const matches = [];
  for (let start = from; start < to;) {
    let pattern = -1;
    for (const [i, candidate] of patterns.entries()) {
      const isLonger = candidate.length > (patterns[pattern]?.length ?? 0);
      if (isLonger && text.startsWith(candidate, start)) pattern = i;
    }
    const end = start + (patterns[pattern]?.length ?? 1);
    if (pattern >= 0) matches.push({ start, end, pattern });
    start = end;
  }
  return matches;
}

const texts = (maxLength: number, minLength = 0) =>
  fc.string({ unit: fc.constantFrom('a', 'b', '|', '\uFFFF'), minLength, maxLength });

test('the leftmost and longest matches in a part of a text, as trying every pattern gives', () => {
  const patterns = fc.array(texts(5, 1), { maxLength: 8 });
  fc.assert(
    fc.property(patterns, texts(40), fc.nat(40), fc.nat(40), (some, text, a, b) => {
      const [from, to] = [Math.min(a, b, text.length), Math.min(Math.max(a, b), text.length)];
      assert.equal(new MultiSearch(some).find(text, from, to), tryAll(some, text, from, to));
    }),
    { numRuns: 2000 },
  );
});

test('a match may end behind the part in which it begins', () => {
  const search = new MultiSearch(['<end>', '<e']);
  assert.is(search.maxLength, 5);
  assert.equal(search.find('x<end>', 0, 2), [{ start: 1, end: 6, pattern: 0 }]);
  assert.equal(search.find('x<end', 0, 2), [{ start: 1, end: 3, pattern: 1 }]);
  assert.equal(search.find('x<end>', 2, 6), []);
});

test('patterns that are all alike cost no more than the text', () => {
  let reads = 0;
  const units = '|'.repeat(2 ** 14);
  const text = {
    length: units.length,
    charCodeAt(at: number) {
      reads++;
      return units.charCodeAt(at);
    },
  } as unknown as string;
  const patterns = Array.from({ length: 200 }, (_, i) => '|'.repeat(200 + i));
  assert.is(new MultiSearch(patterns).find(text).length, Math.floor(units.length / 399));
  assert.is(reads, units.length);
});

test.run();
