import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TextTable } from '../../../src/base/text-table.ts';
import type { ModelText } from '../../../src/format/contents.ts';
import type { JsonObject } from '../../../src/format/files/json.ts';
import { parseTokenizerJson } from '../../../src/format/tokenizer-json.ts';
import { GgufMetadata, type GgufValue } from '../../../src/format/gguf/metadata.ts';
import { readGgufTokenizer } from '../../../src/format/gguf/tokenizer.ts';
import { createTokenizer } from '../../../src/text/tokenizer.ts';
import { BYTE_PIECES, byteLevelAlphabet } from '../../helpers/files/gguf-vocabulary.ts';
import { eachRefused } from '../../helpers/checks/refused.ts';

const read = (values: Record<string, GgufValue>, vocabSize = 2000) =>
  readGgufTokenizer(new GgufMetadata(new Map(Object.entries(values))), vocabSize);

/** All bytes, some merges, a token of the user, two special ones, and padding. */
function byteLevel(
  pre: string,
  changes: Record<string, GgufValue> = {},
): Record<string, GgufValue> {
  const merged = ['th', 'the', 'Ġthe', '12', '123'];
  const tokens = [
    ...byteLevelAlphabet(),
    ...merged,
    '<user>',
    '<|begin|>',
    '<|end|>',
    '[PAD0]',
    '[PAD0]',
  ];
  const types = tokens.map((_, id) => (id < 261 ? 1 : ([4, 3, 3, 5, 5][id - 261] ?? 1)));
  return {
    'tokenizer.ggml.model': 'gpt2',
    'tokenizer.ggml.pre': pre,
    'tokenizer.ggml.tokens': tokens,
    'tokenizer.ggml.token_type': types,
    'tokenizer.ggml.merges': ['t h', 'th e', 'Ġ the', '1 2', '12 3'],
    'tokenizer.ggml.bos_token_id': 262,
    'tokenizer.ggml.eos_token_id': 263,
    ...changes,
  };
}

const digits = (pre: string) => createTokenizer(read(byteLevel(pre)).tokenizer).encode('1212312');

const TEXT = "the the 1234 it's\n\n  The été, 漢字 \u{1f600}<user>";
const encodeText = (values: Record<string, GgufValue>) =>
  createTokenizer(read(values).tokenizer).encode(TEXT);

const test = suite('readGgufTokenizer()');

for (const pre of ['gpt-2', 'llama-bpe', 'llama3', 'qwen2', 'smollm']) {
  test(`gpt2 vocabulary, ${pre}: our tokenizer takes it, text comes back, merges are used`, () => {
    const { tokenizer, notes } = read(byteLevel(pre));
    assert.equal(notes, []);
    const made = createTokenizer(tokenizer, { vocabSize: 2000 });
    assert.is(made.decode(made.encode(TEXT)), TEXT);
    assert.equal(made.encode('the the'), [257, 258]);
    assert.equal(made.encode('<user>'), [261]);
    assert.equal(made.encode('<|end|>', { parseSpecial: true }), [263]);
    assert.is.not(made.encode('<|end|>')[0], 263);
    assert.is(made.decode([262, 257], { skipSpecial: true }), 'the');
  });
}

const readPacked = (values: Record<string, GgufValue>): ModelText =>
  readGgufTokenizer(new GgufMetadata(new Map(Object.entries(values))), 2000, parseTokenizerJson);
const modelOf = ({ tokenizer }: ModelText): JsonObject => tokenizer!['model'] as JsonObject;

test('gpt2 vocabulary: the same in typed arrays, left as it is where it does not fit together', () => {
  const values = byteLevel('llama-bpe');
  const packed = readPacked(values);
  assert.instance(modelOf(packed)['vocab'], TextTable);
  assert.instance(modelOf(packed)['merges'], Int32Array);
  const [made, plain] = [packed, read(values)].map(({ tokenizer }) => createTokenizer(tokenizer));
  assert.equal(made!.encode(TEXT), plain!.encode(TEXT));
  assert.is(made!.decode(made!.encode(TEXT)), TEXT);
  assert.is(made!.vocabSize, plain!.vocabSize);
  for (const merges of [['t'], ['t h e'], ['t x'], ['t h', ' the'], ['zz h']]) {
    const odd = byteLevel('gpt-2', { 'tokenizer.ggml.merges': merges });
    assert.equal(readPacked(odd), read(odd), merges.join());
  }
  const tokens = ['a', ...(values['tokenizer.ggml.tokens'] as string[]).slice(1)];
  const twice = byteLevel('gpt-2', { 'tokenizer.ggml.tokens': tokens });
  assert.equal(readPacked(twice).notes, read(twice).notes);
});

const startOf = (pre: string, changes: Record<string, GgufValue> = {}) =>
  createTokenizer(read(byteLevel(pre, changes)).tokenizer).startIds;
const says = (isAdded: boolean) => ({ 'tokenizer.ggml.add_bos_token': isAdded });

test('texts start with BOS where the file says so, or its kind implies it', () => {
  for (const pre of ['llama-bpe', 'falcon3', 'tekken']) assert.equal(startOf(pre), [262]);
  assert.equal(startOf('llama-bpe', says(false)), []);
  assert.equal(startOf('qwen2'), []);
  assert.equal(startOf('qwen2', says(true)), [262]);
});

test('splits digits as the pattern says: runs, threes, single ones', () => {
  const [one, two, three] = [49, 50, 51];
  assert.equal(digits('gpt-2'), [259, 260, 259]);
  assert.equal(digits('llama-bpe'), [259, one, two, three, one, two]);
  assert.equal(digits('qwen2'), [one, two, one, two, three, one, two]);
  assert.equal(digits('smollm'), [one, two, one, two, three, one, two]);
});

test('a file that does not say how text is split: as llama.cpp does then', () => {
  const { 'tokenizer.ggml.pre': _, ...unsaid } = byteLevel('');
  assert.equal(encodeText(unsaid), encodeText(byteLevel('default')));
});

test('an empty token is no token, and its id stands for nothing', () => {
  const values = byteLevel('qwen2');
  const tokens = (values['tokenizer.ggml.tokens'] as string[]).with(258, '').with(262, '');
  const { tokenizer, notes } = read({
    ...values,
    'tokenizer.ggml.tokens': tokens,
    'tokenizer.ggml.merges': [],
  });
  assert.equal(notes, []);
  const made = createTokenizer(tokenizer, { vocabSize: 2000 });
  assert.is(made.decode(made.encode('the')), 'the');
  assert.equal(made.encode('<|end|>', { parseSpecial: true }), [263]);
});

test('several chat templates, by their names', () => {
  const named = {
    'tokenizer.chat_templates': ['tool_use', 'rag', 'lost'],
    'tokenizer.chat_template.tool_use': '{{ tools }}',
    'tokenizer.chat_template.rag': '{{ documents }}',
  };
  const templates = [
    { name: 'tool_use', template: '{{ tools }}' },
    { name: 'rag', template: '{{ documents }}' },
  ];
  assert.equal(read(named).tokenizerConfig, { chat_template: templates });
  const usual = { ...named, 'tokenizer.chat_template': '{{ x }}' };
  const first = { name: 'default', template: '{{ x }}' };
  assert.equal(read(usual).tokenizerConfig, { chat_template: [first, ...templates] });
});

test('takes a whole tokenizer.json where the file holds one', () => {
  const { tokenizer, notes } = read({ 'tokenizer.huggingface.json': '{"model":{"type":"BPE"}}' });
  assert.equal(tokenizer, { model: { type: 'BPE' } });
  assert.equal(notes, []);
});

test('writes the chat template and the tokens it names', () => {
  const { tokenizerConfig } = read(
    byteLevel('qwen2', {
      'tokenizer.chat_template': '{{ x }}',
      'tokenizer.ggml.add_bos_token': false,
    }),
  );
  assert.equal(tokenizerConfig, {
    bos_token: '<|begin|>',
    eos_token: '<|end|>',
    add_bos_token: false,
    chat_template: '{{ x }}',
  });
  assert.is(read({}).tokenizerConfig, undefined);
});

const PIECES = ['\u2581', 'a', 'b', 'n', 'ab', '\u2581ab', 'ba', 'na', 'bana', 'abn'];

/** Unknown, begin, end, 256 bytes, and pieces whose scores fall with the id. */
function sentencePieces(changes: Record<string, GgufValue> = {}): Record<string, GgufValue> {
  const tokens = ['<unk>', '<s>', '</s>', ...BYTE_PIECES, ...PIECES];
  return {
    'tokenizer.ggml.model': 'llama',
    'tokenizer.ggml.tokens': tokens,
    'tokenizer.ggml.token_type': tokens.map((_, id) => [2, 3, 3][id] ?? (id < 259 ? 6 : 1)),
    'tokenizer.ggml.scores': tokens.map((_, id) => (id < 263 ? 0 : -(id - 262))),
    ...changes,
  };
}

const PIECE = (piece: string) => 259 + PIECES.indexOf(piece);

test('llama vocabulary: our tokenizer takes it, bytes fall back, text comes back', () => {
  const { tokenizer, notes } = read(sentencePieces());
  assert.equal(notes, []);
  const made = createTokenizer(tokenizer);
  assert.equal(made.encode('ab'), [PIECE('\u2581ab')]);
  assert.equal(made.encode('é'), [PIECE('\u2581'), 3 + 0xc3, 3 + 0xa9]);
  assert.is(made.decode(made.encode('ab ban\né a')), 'ab ban\né a');
  assert.equal(made.encode('</s>', { parseSpecial: true }).at(-1), 2);
});

test('llama vocabulary: merges in the order of the scores, then longer parts first', () => {
  const { tokenizer } = read(sentencePieces());
  const { merges } = tokenizer!['model'] as { merges: unknown };
  assert.equal(merges, [
    ['a', 'b'],
    ['\u2581', 'ab'],
    ['b', 'a'],
    ['n', 'a'],
    ['ba', 'na'],
    ['ab', 'n'],
  ]);
  const flat = read(
    sentencePieces({ 'tokenizer.ggml.scores': Array.from({ length: 269 }, () => 0) }),
  );
  const { merges: equal } = flat.tokenizer!['model'] as { merges: unknown };
  assert.equal(equal, [
    ['ba', 'na'],
    ['ab', 'n'],
    ['\u2581', 'ab'],
    ['a', 'b'],
    ['b', 'a'],
    ['n', 'a'],
  ]);
});

test('llama vocabulary without a space before the text', () => {
  const { tokenizer } = read(sentencePieces({ 'tokenizer.ggml.add_space_prefix': false }));
  const made = createTokenizer(tokenizer);
  assert.equal(made.encode('ab'), [PIECE('ab')]);
  assert.is(made.decode(made.encode(' ab')), ' ab');
});

const ABSENT: readonly [string, Record<string, GgufValue>, RegExp][] = [
  ['no vocabulary', {}, /has no vocabulary/],
  ['an unknown split', byteLevel('nobody'), /split text is not known/],
  [
    'no merges',
    byteLevel('qwen2', { 'tokenizer.ggml.merges': ['t h x'] }),
    /a merge does not give a token/,
  ],
  [
    'a merge into nothing',
    byteLevel('qwen2', { 'tokenizer.ggml.merges': ['t t'] }),
    /a merge does not give a token/,
  ],
  [
    'a token twice',
    byteLevel('qwen2', {
      'tokenizer.ggml.tokens': [...byteLevelAlphabet(), '!'],
      'tokenizer.ggml.token_type': Array.from({ length: 257 }, () => 1),
    }),
    /there twice/,
  ],
  [
    'another model',
    { ...byteLevel('qwen2'), 'tokenizer.ggml.model': 'rwkv' },
    /kind of vocabulary/,
  ],
  ['no scores', { ...sentencePieces(), 'tokenizer.ggml.scores': [1] }, /one score/],
  [
    'no bytes',
    {
      ...sentencePieces(),
      'tokenizer.ggml.token_type': [2, 3, 3, ...Array.from({ length: 266 }, () => 1)],
    },
    /all 256 bytes/,
  ],
  [
    'tokens too long to cut',
    {
      ...sentencePieces(),
      'tokenizer.ggml.tokens': Array.from({ length: 269 }, (_, i) => `${i}`.padEnd(300)),
    },
    /too long/,
  ],
];

for (const [label, values, reason] of ABSENT) {
  test(`${label}: no tokenizer, and a note that says why`, () => {
    const { tokenizer, notes = [] } = read(values);
    assert.is(tokenizer, undefined);
    assert.is(notes.length, 1);
    assert.match(notes[0]!, reason);
  });
}

test('refuses metadata that breaks its format', async () => {
  const cases: readonly (readonly [Record<string, GgufValue>, number])[] = [
    [byteLevel('qwen2'), 100],
    [byteLevel('qwen2', { 'tokenizer.ggml.token_type': [1] }), 2000],
    [{ 'tokenizer.ggml.tokens': ['a'], 'tokenizer.ggml.token_type': [7] }, 2000],
    [{ 'tokenizer.ggml.tokens': [1] }, 2000],
    [{ 'tokenizer.huggingface.json': '{' }, 2000],
    [{ 'tokenizer.huggingface.json': '['.repeat(1e6) }, 2000],
    [{ 'tokenizer.huggingface.json': '[]' }, 2000],
    [{ 'tokenizer.chat_template': 1 }, 2000],
  ];
  await eachRefused(([values, vocabSize]) => read(values, vocabSize), 'CHECKPOINT_INVALID', cases);
});

test.run();
