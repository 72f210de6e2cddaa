import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createTokenizer } from '../../../src/text/tokenizer.ts';
import { BYTE_LEVEL, byteLevelJson, characterJson } from '../../helpers/files/tokenizer-json.ts';

const test = suite('text and ids after others');

const SPACE = '\u2581';
const MERGES = [
  ['a', 'b'],
  [SPACE, 'a'],
  [`${SPACE}a`, 'b'],
  [SPACE, SPACE],
] as const;
const BEGIN = 1;
const added_tokens = [
  { content: '<s>', special: true },
  { content: '<x>', rstrip: true },
];
const post_processor = {
  type: 'TemplateProcessing',
  single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
  pair: [],
  special_tokens: { '<s>': { id: '<s>', ids: [BEGIN], tokens: ['<s>'] } },
};
const normalizers = [
  { type: 'Prepend', prepend: SPACE },
  { type: 'Replace', pattern: { String: ' ' }, content: SPACE },
];
const metaspace = (prepend_scheme: string, more = {}) => ({
  pre_tokenizer: { type: 'Metaspace', replacement: SPACE, prepend_scheme, split: false },
  ...more,
});

function spaced(parts: object) {
  const json = characterJson(['a', 'b', SPACE, '<', '>', 's'], MERGES, {
    added_tokens,
    post_processor,
    ...parts,
  });
  return createTokenizer(json);
}

const tokenizers = {
  'Prepend, as LLaMA 2': spaced({ normalizer: { type: 'Sequence', normalizers } }),
  'Metaspace, always': spaced(metaspace('always')),
  'Metaspace, first': spaced(metaspace('first')),
  'ByteLevel with a prefix': createTokenizer(
    byteLevelJson([['Ġ', 'a']], {
      added_tokens,
      pre_tokenizer: { ...BYTE_LEVEL, add_prefix_space: true },
    }),
  ),
};

for (const [name, tokenizer] of Object.entries(tokenizers)) {
  const [prefix] = tokenizer.encode('a');
  const [plain] = tokenizer.encode('a', { after: [prefix!] });
  const [marker] = tokenizer.encode('<x>');

  test(`${name}: text that continues text gets no prefix of its own`, () => {
    assert.is.not(prefix, plain);
    assert.equal(tokenizer.encode(' a', { after: [plain!] }), [prefix]);
    assert.equal(tokenizer.encode('a', { after: [] }), [prefix]);
    assert.equal(tokenizer.encode('a', { after: tokenizer.startIds }), [prefix]);
  });

  test(`${name}: behind an added token is what one text gives`, () => {
    for (const text of ['a', ' a', '  ab']) {
      const whole = tokenizer.encode(`b<x>${text}`);
      const at = whole.indexOf(marker!) + 1;
      assert.equal(tokenizer.encode(text, { after: whole.slice(0, at) }), whole.slice(at), text);
    }
  });
}

for (const [name, tokenizer] of Object.entries(tokenizers)) {
  test(`${name}: text cut anywhere, encoded and decoded in turn, is the text`, () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '<', 'é', '😀', 'ab') });
    fc.assert(
      fc.property(fc.array(text, { maxLength: 6 }), (parts) => {
        let after: number[] = [...tokenizer.startIds];
        let shown = '';
        for (const part of parts) {
          const ids = tokenizer.encode(part, { after });
          shown += tokenizer.decode(ids, { skipSpecial: true, after });
          after = [...after, ...ids];
        }
        assert.is(shown, tokenizer.decode(after, { skipSpecial: true }));
        const isPrefixed = name.startsWith('ByteLevel') && !/^ |^$/.test(parts.join(''));
        if (name === 'Prepend, as LLaMA 2' || isPrefixed) {
          assert.is(shown, isPrefixed ? ` ${parts.join('')}` : parts.join(''));
        }
      }),
      { numRuns: 200 },
    );
  });
}

test('decoding gives what the reference implementation gives', () => {
  const normalizer = { type: 'Sequence', normalizers };
  const marked = spaced({ normalizer, added_tokens: [{ content: '<x>', normalized: true }] });
  assert.is(marked.decode(marked.encode('ab <x>ab')), 'ab <x>ab', 'the space is in the token');
  const decoder = { type: 'Metaspace', replacement: SPACE, prepend_scheme: 'first', split: false };
  const first = spaced({ ...metaspace('first'), decoder });
  assert.is(first.decode(first.encode('   ab  a')), ' ab  a', 'the first token has no space');
});

const DECODERS: Readonly<Record<string, unknown>> = {
  Metaspace: { type: 'Metaspace', replacement: SPACE, prepend_scheme: 'always', split: true },
  none: null,
};

for (const [name, decoder] of Object.entries(DECODERS)) {
  test(`ids cut anywhere and decoded in turn are the text of the whole: decoder ${name}`, () => {
    const tokenizer = spaced({ decoder });
    const id = fc.integer({ min: 259, max: tokenizer.vocabSize - 1 });
    fc.assert(
      fc.property(fc.array(id, { maxLength: 8 }), fc.nat(8), (ids, cut) => {
        const after = ids.slice(0, cut);
        const shown = tokenizer.decode(after) + tokenizer.decode(ids.slice(cut), { after });
        assert.is(shown, tokenizer.decode(ids));
      }),
      { numRuns: 300 },
    );
  });
}

test.run();
