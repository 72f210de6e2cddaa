import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MultiSearch } from '../../src/base/multi-search.ts';

const test = suite('MultiSearch');

/** The same, by trying every pattern everywhere. */
function tryAll(patterns: readonly string[], text: string) {
  const matches = [];
  for (let start = 0; start < text.length;) {
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

test('the leftmost and longest matches, as trying every pattern gives', () => {
  const patterns = fc.array(texts(5, 1), { maxLength: 8 });
  fc.assert(
    fc.property(patterns, texts(40), (some, text) => {
      assert.equal(new MultiSearch(some).find(text), tryAll(some, text));
    }),
    { numRuns: 2000 },
  );
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
