import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createTokenizer, type TextTokenizer } from '../../../src/text/tokenizer.ts';
import { BYTE_LEVEL, byteLevelJson, characterJson } from '../../helpers/files/tokenizer-json.ts';

const test = suite('tokenizer.pieces()');

const DOUBLING = [1, 2, 4, 8].map((n) => ['a'.repeat(n), 'a'.repeat(n)] as const);
const GPT2 = { ...BYTE_LEVEL, use_regex: true };
const SPECIAL = { content: '<x>', special: true };

const oneWord = createTokenizer(byteLevelJson(DOUBLING, { added_tokens: [SPECIAL] }));
const words = createTokenizer(
  byteLevelJson(DOUBLING, { added_tokens: [SPECIAL], pre_tokenizer: GPT2 }),
);

function sizesOf(tokenizer: TextTokenizer, text: string): number[] {
  return Array.from(tokenizer.pieces(text), ({ length }) => length);
}

test('the pieces together are the ids of encode()', () => {
  const unit = fc.constantFrom('a', 'aa', ' ', '\n', '<x>', '<', 'é', '😀', 'ab'.repeat(40));
  const text = fc.array(unit, { maxLength: 60 }).map((units) => units.join(''));
  fc.assert(
    fc.property(text, fc.boolean(), (s, parseSpecial) => {
      for (const tokenizer of [oneWord, words]) {
        const ids = Array.from(tokenizer.pieces(s, { parseSpecial })).flat();
        assert.equal(ids, tokenizer.encode(s, { parseSpecial }));
        assert.is(tokenizer.decode(ids), s);
      }
    }),
    { numRuns: 300 },
  );
});

test('one long word: pieces come while it is merged, in a count that grows with its length', () => {
  const counts = [2 ** 16, 2 ** 17, 2 ** 18].map((n) => sizesOf(oneWord, 'a'.repeat(n)).length);
  assert.ok(counts[0]! >= 2 ** 16 / 8192, String(counts));
  assert.ok(counts[2]! <= 4.4 * counts[0]!, String(counts));
  const sizes = sizesOf(oneWord, 'a'.repeat(2 ** 18));
  assert.is(
    sizes.reduce((sum, size) => sum + size, 0),
    2 ** 14,
  );
  assert.ok(sizes.indexOf(Math.max(...sizes)) > sizes.length / 2, 'merged first');
});

test('no piece holds more ids than its work allows, however the text is cut', () => {
  for (const text of ['\n', 'b', '<', '<x>', 'b ', '1,']) {
    for (const tokenizer of [oneWord, words]) {
      for (const parseSpecial of [false, true]) {
        const pieces = Array.from(tokenizer.pieces(text.repeat(50_000), { parseSpecial }));
        assert.ok(Math.max(...pieces.map(({ length }) => length)) <= 3 * 8192, text);
      }
    }
  }
});

test('what is not asked for is not done: the first ids of a long text come of its start', () => {
  const text = 'word '.repeat(200_000);
  let given = 0;
  for (const piece of words.pieces(text)) {
    given += piece.length;
    if (given > 1000) break;
  }
  assert.ok(given < 20_000, String(given));
});

test('two texts at once do not disturb one another', () => {
  const texts = ['a'.repeat(40_000), `b${'a'.repeat(30_001)}`];
  const both = texts.map((text) => oneWord.pieces(text)[Symbol.iterator]());
  const ids: number[][] = [[], []];
  for (let isDone = false; !isDone;) {
    const steps = both.map((pieces) => pieces.next());
    for (const [i, { done, value }] of steps.entries()) if (done !== true) ids[i]!.push(...value);
    isDone = steps.every(({ done }) => done === true);
  }
  assert.equal(
    ids,
    texts.map((text) => oneWord.encode(text)),
  );
});

test('long words that are cut where nothing joins have the ids of the parts', () => {
  const merges = [...DOUBLING, ['b', 'a'], ['ba', 'a']] as const;
  const tokenizer = createTokenizer(characterJson('abc', merges));
  const part = fc.constantFrom('a', 'b', 'c', 'aaa', 'baa', 'é', '😀');
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 80 }), (parts) => {
      // "c" joins nothing: each stretch between two of them is a word of its own
      const text = parts.join('');
      const apart = text.split(/(?<=c)|(?=c)/).flatMap((stretch) => tokenizer.encode(stretch));
      assert.equal(tokenizer.encode(text), apart);
    }),
    { numRuns: 300 },
  );
});

test('forbidden ids stay text: neither found nor merged', () => {
  const added_tokens = [SPECIAL, { content: '<turn>' }, { content: 'aaaa' }];
  const tokenizer = createTokenizer(byteLevelJson(DOUBLING, { added_tokens }));
  const [turn] = tokenizer.encode('<turn>');
  const [four] = tokenizer.encode('aaaa');
  const forbidden = new Set([turn!, four!]);
  for (const parseSpecial of [false, true]) {
    const ids = tokenizer.encode('<turn>aaaa', { parseSpecial, forbidden });
    assert.equal(
      ids.filter((id) => forbidden.has(id)),
      [],
    );
    assert.is(tokenizer.decode(ids), '<turn>aaaa');
  }
  assert.is(tokenizer.encode('<x>', { parseSpecial: true, forbidden }).length, 1);
  assert.equal(tokenizer.encode('<turn>aaaa'), [turn, four], 'the next text is free again');
});

test.run();
