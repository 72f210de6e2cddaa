import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { textPairs } from '../../../src/convert/gguf/text-pairs.ts';
import { GgufMetadata } from '../../../src/format/gguf/metadata.ts';
import { readGgufTokenizer } from '../../../src/format/gguf/tokenizer.ts';
import { SPLITTINGS } from '../../../src/format/gguf/vocabulary/splittings.ts';
import { agreeOnSpecialTokens } from '../../../src/format/special-tokens/agreed-text.ts';
import { createTokenizer } from '../../../src/text/tokenizer.ts';
import {
  byteLevelJson,
  TRAINED_JSON,
  type TokenizerParts,
} from '../../helpers/files/tokenizer-json.ts';
import { sentencePieceJson } from '../../helpers/models/sentencepiece.ts';
import type { GgufValue } from '../../../src/convert/gguf/header-writer.ts';
import type { ModelText } from '../../../src/format/contents.ts';
import type { JsonObject } from '../../../src/format/files/json.ts';

const test = suite('the text of a GGUF file, written and read');

const VOCAB_SIZE = 320;
const MERGES = [
  ['t', 'h'],
  ['th', 'e'],
  ['Ġ', 'the'],
] as const;
const TEXTS = [
  'the then',
  '  the 1234567',
  "it's\n\n\t the",
  'été 漢字 \u{1f600}',
  '<|end|> <|turn|> x',
];
const ADDED = [
  { content: '<|begin|>', special: true },
  { content: '<|end|>', special: true },
  { content: '<|turn|>', special: false },
];

/** What a file has, and what is read of it. */
function through(text: ModelText, config: JsonObject = {}, vocabSize = VOCAB_SIZE) {
  const { pairs, notes } = textPairs(text, config, { vocabSize, eosTokenIds: [] });
  const values = new Map<string, GgufValue['value']>(pairs.map(([key, { value }]) => [key, value]));
  const read = readGgufTokenizer(new GgufMetadata(values), vocabSize);
  return { values, notes, read };
}

/** Both tokenizers, as `loadModel` makes them. */
function tokenizersOf(text: ModelText, read: ModelText, config: JsonObject = {}) {
  return [text, read].map((one) => {
    const { text: agreed, start } = agreeOnSpecialTokens(one, config);
    return createTokenizer(agreed.tokenizer, { vocabSize: VOCAB_SIZE, start });
  });
}

/** The same ids of texts, with and without special tokens, and the same texts of all ids. */
function checkSame(text: ModelText, read: ModelText, config?: JsonObject): void {
  const [original, found] = tokenizersOf(text, read, config);
  for (const parseSpecial of [false, true]) {
    for (const one of TEXTS) {
      const ids = original!.encode(one, { parseSpecial });
      assert.equal(found!.encode(one, { parseSpecial }), ids, JSON.stringify(one));
      assert.is(found!.decode(ids), original!.decode(ids));
    }
  }
  assert.equal(found!.startIds, original!.startIds);
  assert.equal([...found!.specialTokens].toSorted(), [...original!.specialTokens].toSorted());
}

function splitBy(pre: string, parts: TokenizerParts = {}): JsonObject {
  const { normalizer, preTokenizer, ignoresMerges } = SPLITTINGS.get(pre)!;
  const steps = {
    normalizer,
    pre_tokenizer: preTokenizer,
    model: { ignore_merges: ignoresMerges },
  };
  return byteLevelJson(MERGES, { added_tokens: ADDED, ...steps, ...parts }) as JsonObject;
}

for (const pre of SPLITTINGS.keys()) {
  test(`${pre}: by the keys of llama.cpp, under a name that cuts alike`, () => {
    const text = { tokenizer: splitBy(pre) };
    const { values, notes, read } = through(text);
    assert.equal(notes, []);
    assert.is(values.get('tokenizer.ggml.model'), 'gpt2');
    const found = SPLITTINGS.get(values.get('tokenizer.ggml.pre') as string)!;
    const { startsWithBos: _starts, ...same } = SPLITTINGS.get(pre)!;
    assert.equal({ ...found, startsWithBos: undefined }, { ...same, startsWithBos: undefined });
    assert.not(values.has('tokenizer.huggingface.json'));
    assert.is((values.get('tokenizer.ggml.tokens') as string[]).length, VOCAB_SIZE);
    checkSame(text, read);
  });
}

test('SentencePiece: scores that give the same merges, and BOS', () => {
  // every way to cut a word is a merge: what converters write
  const words = ['▁t', '▁th', 'he'];
  const tokenizer = sentencePieceJson(words) as JsonObject;
  const text = {
    tokenizer,
    tokenizerConfig: { bos_token: '<s>', eos_token: '</s>', unk_token: '<unk>' },
  };
  const { values, notes, read } = through(text);
  assert.equal(notes, []);
  assert.is(values.get('tokenizer.ggml.model'), 'llama');
  assert.is(values.get('tokenizer.ggml.bos_token_id'), 1);
  assert.is(values.get('tokenizer.ggml.unknown_token_id'), 0);
  assert.is(values.get('tokenizer.ggml.add_bos_token'), true);
  assert.is(values.get('tokenizer.ggml.add_space_prefix'), true);
  checkSame(text, read);
  const types = values.get('tokenizer.ggml.token_type') as number[];
  assert.equal(types.slice(0, 5), [2, 3, 3, 6, 6]);
  assert.equal(types.slice(-1), [5], 'rows without a token are unused');
});

const KEPT: readonly (readonly [label: string, tokenizer: JsonObject])[] = [
  ['a pattern that nobody knows', byteLevelJson(MERGES, { added_tokens: ADDED }) as JsonObject],
  [
    'a token that strips blanks',
    splitBy('gpt-2', { added_tokens: [{ content: '<|end|>', special: true, rstrip: true }] }),
  ],
  ['merges that scores cannot say', sentencePieceJson(['the', 'he']) as JsonObject],
  ['a prefix for the first word alone', sentencePieceJson(['▁the'], 'first') as JsonObject],
];
for (const [label, tokenizer] of KEPT) {
  test(`${label}: tokenizer.json is kept, and a note says so`, () => {
    const text = { tokenizer };
    const { values, notes, read } = through(text);
    assert.match(notes.join(), /^the tokenizer is none that GGUF has keys for/);
    assert.is(values.get('tokenizer.ggml.model'), 'none');
    checkSame(text, read);
  });
}

test('a tokenizer.json that makes no sense is kept for the reader to refuse', () => {
  const good = splitBy('gpt-2');
  const model = good['model'] as JsonObject;
  const vocab = model['vocab'] as JsonObject;
  const withModel = (more: object) => ({ ...good, model: { ...model, ...more } });
  for (const tokenizer of [
    {},
    { model: null },
    { model: [], added_tokens: 'x' },
    { ...good, added_tokens: [null, 3, { id: 'x' }] },
    { ...good, added_tokens: [{ id: -1, content: '<|x|>', special: true }] },
    {
      ...good,
      pre_tokenizer: [1],
      normalizer: 'NFC',
      post_processor: { type: 'TemplateProcessing' },
    },
    withModel({ vocab: [] }),
    withModel({ vocab: { ...vocab, the: 1.5 } }),
    withModel({ vocab: { ...vocab, the: 'x' } }),
    withModel({ vocab: { ...vocab, twice: 3 } }),
    withModel({ merges: [['t']] }),
    withModel({ merges: [null, {}, 'a b c'] }),
    withModel({ type: 'Unigram' }),
  ] as JsonObject[]) {
    const { values } = through({ tokenizer });
    const kept = JSON.parse(String(values.get('tokenizer.huggingface.json'))) as JsonObject;
    assert.equal(kept['model'], tokenizer['model']);
  }
});

test('a trained byte-level tokenizer comes back as it is', () => {
  const tokenizer = JSON.parse(TRAINED_JSON) as JsonObject;
  assert.equal(through({ tokenizer }, {}, 2048).read.tokenizer, tokenizer);
});

test('tokens beyond the rows of the embedding are left out', () => {
  const { values } = through({ tokenizer: splitBy('gpt-2') }, {}, 260);
  const tokens = values.get('tokenizer.ggml.tokens') as string[];
  assert.is(tokens.length, 260);
  assert.is(tokens.at(-1), '<|begin|>');
});

test('BOS of a file, of config.json, and said not to be added', () => {
  const tokenizer = splitBy('llama-bpe');
  const cases: readonly (readonly [ModelText, JsonObject])[] = [
    [{ tokenizer, tokenizerConfig: { bos_token: '<|begin|>', add_bos_token: true } }, {}],
    [{ tokenizer, tokenizerConfig: { bos_token: '<|begin|>', add_bos_token: false } }, {}],
    [{ tokenizer, tokenizerConfig: { bos_token: { content: '<|begin|>' } } }, {}],
    [{ tokenizer, specialTokensMap: { bos_token: '<|begin|>' } }, {}],
    [{ tokenizer }, { bos_token_id: 259 }],
    [
      { tokenizer, tokenizerConfig: { tokenizer_class: 'LlamaTokenizer', bos_token: '<|begin|>' } },
      {},
    ],
  ];
  for (const [text, config] of cases) {
    const { values, read } = through(text, config);
    assert.is(values.get('tokenizer.ggml.bos_token_id'), 259);
    checkSame(text, read, config);
  }
});

test('templates by name, ends of text, and the rest of generation_config.json', () => {
  const text: ModelText = {
    tokenizer: splitBy('qwen2'),
    tokenizerConfig: {
      eos_token: '<|end|>',
      pad_token: '<|turn|>',
      chat_template: [
        { name: 'default', template: '{{ messages }}' },
        { name: 'tool_use', template: '{{ tools }}' },
      ],
    },
    generationConfig: { eos_token_id: [261, 260], temperature: 0.7 },
  };
  const { values, read } = through(text);
  assert.is(values.get('tokenizer.ggml.eos_token_id'), 260);
  assert.is(values.get('tokenizer.ggml.padding_token_id'), 261);
  assert.equal(read.tokenizerConfig!['chat_template'], text.tokenizerConfig!['chat_template']);
  assert.equal(JSON.parse(values.get('tpa.generation_config') as string), {
    eos_token_id: [261, 260],
    temperature: 0.7,
  });
  const jinja = through({ ...text, chatTemplate: '{{ 1 }}' });
  assert.is(jinja.read.tokenizerConfig!['chat_template'], '{{ 1 }}');
});

test('a model without a tokenizer keeps its ids', () => {
  const { values, notes } = through({}, { bos_token_id: 5, eos_token_id: 6 });
  assert.equal(notes, []);
  assert.is(values.get('tokenizer.ggml.model'), 'none');
  assert.is(values.get('tokenizer.ggml.bos_token_id'), 5);
});

test.run();
