import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createTokenizer } from '../../../src/text/tokenizer.ts';
import { assertMistakes, refused } from '../../helpers/checks/refused.ts';
import {
  BYTE_LEVEL,
  byteLevelJson,
  characterJson,
  type TokenizerParts,
} from '../../helpers/files/tokenizer-json.ts';

const test = suite('tokenizer.json that is refused');

const bytes = (parts: TokenizerParts) => createTokenizer(byteLevelJson([['a', 'b']], parts));
const characters = (options: object) => () =>
  createTokenizer(characterJson('ab', [], { model: options }));
const any = (value: unknown) => value as never;
const steps = (...pretokenizers: object[]) => ({
  pre_tokenizer: { type: 'Sequence', pretokenizers: [...pretokenizers, BYTE_LEVEL] },
});
const normalizer = (step: object) => ({ normalizer: step });
const decoder = (step: object) => ({ decoder: step });
const model = (options: object) => ({ model: options });
const replacing = (content: unknown, pattern: unknown = { String: 'a' }) =>
  normalizer({ type: 'Replace', pattern, content });

/** What is refused, and what its message names. */
const REFUSED: readonly (readonly [TokenizerParts, RegExp])[] = [
  [model({ type: 'Unigram' }), /"model.type".*"BPE".*"Unigram"/],
  [model({ type: 'WordPiece' }), /"WordPiece"/],
  [model({ type: 'WordLevel' }), /"WordLevel"/],
  [model({ dropout: 0.1 }), /"model.dropout"/],
  [model({ end_of_word_suffix: '</w>' }), /suffix/],
  [model({ byte_fallback: 'yes' }), /byte_fallback/],
  [normalizer({ type: 'Nmt' }), /"normalizer".*"Nmt"/],
  [normalizer({ type: 'Precompiled', precompiled_charsmap: '' }), /"Precompiled"/],
  [normalizer({ type: 'BertNormalizer' }), /"BertNormalizer"/],
  [normalizer({ type: 'StripAccents' }), /"StripAccents"/],
  [normalizer({ type: 'toString' }), /"toString"/],
  [normalizer({ type: 'Strip', strip_left: true }), /"Strip"/],
  [steps({ type: 'Digits', individual_digits: 1 }), /Digits.individual_digits/],
  [normalizer({ type: 'Prepend', prepend: 'a'.repeat(65) }), /Prepend.prepend/],
  [normalizer({ type: 'Sequence', normalizers: {} }), /"normalizer.normalizers"/],
  [replacing('a'.repeat(65)), /Replace.content/],
  [replacing(5), /Replace.content/],
  [replacing('', 'a'), /pattern/],
  [replacing('', { String: '' }), /String/],
  [replacing('', { Regex: '(a)\\1' }), /pattern/],
  [replacing('a'.repeat(49)), /144 times/],
  [decoder({ type: 'Replace', pattern: { String: 'a' }, content: 'a'.repeat(17) }), /16 times.*17/],
  [steps({ type: 'UnicodeScripts' }), /"pre_tokenizer".*"UnicodeScripts"/],
  [steps({ type: 'Split', pattern: { String: 'a' } }), /Split.behavior/],
  [steps({ type: 'Split', pattern: { String: 'a' }, behavior: 'Joined' }), /"Joined"/],
  [steps({ type: 'FixedLength', length: 0 }), /"pre_tokenizer".*"FixedLength"/],
  [steps({ type: 'CharDelimiterSplit', delimiter: ',' }), /"CharDelimiterSplit"/],
  [steps({ type: 'BertPreTokenizer' }), /"BertPreTokenizer"/],
  [steps({ type: 'Metaspace', replacement: '__' }), /Metaspace.replacement/],
  [steps({ type: 'Metaspace', prepend_scheme: 'often' }), /Metaspace.prepend_scheme/],
  [steps({ type: 'Metaspace', prepend_scheme: 'first', add_prefix_space: false }), /Metaspace/],
  [steps(BYTE_LEVEL), /ByteLevel/],
  [{ normalizer: { type: 'ByteLevel' } }, /ByteLevel/],
  [steps(...Array.from({ length: 15 }, () => ({ type: 'Whitespace' }))), /at most 16 steps/],
  [
    steps(
      ...Array.from({ length: 9 }, () => ({
        type: 'Split',
        pattern: { Regex: 'a' },
        behavior: 'Isolated',
      })),
    ),
    /at most 2048 characters of patterns/,
  ],
  [decoder({ type: 'WordPiece' }), /"decoder".*"WordPiece"/],
  [decoder({ type: 'CTC' }), /"CTC"/],
  [decoder({ type: 'Strip', content: ' ', start: -1, stop: 0 }), /Strip.start/],
  [decoder({ type: 'BPEDecoder', suffix: '</w>' }), /"BPEDecoder"/],
  [{ added_tokens: [{ content: 'a'.repeat(1025) }] }, /content/],
  [
    {
      added_tokens: [{ content: ' ', normalized: true }],
      ...replacing('', { String: ' ' }),
    },
    /added token/,
  ],
];

for (const [parts, message] of REFUSED) {
  const name = JSON.stringify(parts).slice(0, 90);
  test(`${name}: TOKENIZER_INVALID that names it`, async () => {
    await refused(() => bytes(parts), 'TOKENIZER_INVALID', message);
  });
}

test('fields that do not change ids are not looked at', () => {
  const json = byteLevelJson([], { pre_tokenizer: { ...BYTE_LEVEL, trim_offsets: 'never' } });
  Object.assign(json, { truncation: 5, padding: 'x', version: [] });
  assert.equal(createTokenizer(json).encode('a'), createTokenizer(byteLevelJson([])).encode('a'));
});

test('Metaspace with "first" behind what moves the start of the text', async () => {
  const first = { type: 'Metaspace', replacement: '_', prepend_scheme: 'first', split: true };
  for (const step of [
    { type: 'Prepend', prepend: 'a' },
    { type: 'Replace', pattern: { String: 'a' }, content: '' },
  ]) {
    const parts = { normalizer: step, ...steps(first) };
    await refused(() => bytes(parts), 'TOKENIZER_INVALID', /Metaspace.prepend_scheme/);
  }
  bytes({ normalizer: { type: 'NFKC' }, ...steps(first) });
});

test('a vocabulary that would lose text', async () => {
  const none = { unk_token: null, byte_fallback: false };
  await refused(characters(none), 'TOKENIZER_INVALID', /unknown token or byte_fallback/);
  assert.equal(characters({ ...none, unk_token: '<unk>' })().encode('é'), [0]);
  assert.is(characters({ unk_token: null })().decode(characters({})().encode('é')), 'é');
  await refused(() => bytes({ pre_tokenizer: null }), 'TOKENIZER_INVALID', /ByteLevel/);
});

test('tokens from the end of the embedding on are left out, where no text becomes them', async () => {
  const added_tokens = [
    { content: '<x>', special: true },
    { content: '<y>', special: true },
  ];
  const json = byteLevelJson([['a', 'b']], { added_tokens });
  const full = createTokenizer(json);
  const cut = createTokenizer(json, { vocabSize: 258 });
  assert.equal([full.vocabSize, cut.vocabSize], [259, 258]);
  assert.equal([...cut.specialTokens.keys()], ['<x>']);
  assert.equal(full.encode('<y>', { parseSpecial: true }), [258]);
  assert.is(cut.encode('<y>', { parseSpecial: true }).length, 3);
  assert.is(cut.decode([258]), '');
  await refused(() => createTokenizer(json, { vocabSize: 256 }), 'TOKENIZER_INVALID', /256/);
});

test('what is no text, no ids or no option is named', async () => {
  const tokenizer = bytes({});
  await assertMistakes([
    [() => tokenizer.encode(any(5)), TypeError, /"text" expected a string, got 5/],
    [() => tokenizer.pieces(any(null)), TypeError, /"text" expected a string, got null/],
    [() => tokenizer.encode('a', any({ after: 5 })), TypeError, /"after".*got 5/],
    [() => tokenizer.encode('a', any({ parseSpezial: true })), TypeError, /parseSpecial/],
    [() => tokenizer.decode(any('x')), TypeError, /"ids" expected an array.*got string/],
    [() => tokenizer.decode(any(null)), TypeError, /"ids".*got null/],
    [() => tokenizer.decode([], any({ after: {} })), TypeError, /"after".*got Object/],
  ]);
  assert.is(tokenizer.decode(any(Uint16Array.of(97, 98))), 'ab');
});

test.run();
