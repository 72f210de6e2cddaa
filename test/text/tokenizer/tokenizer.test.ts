import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TextStream } from '../../../src/generate/text-stream.ts';
import { createTokenizer } from '../../../src/text/tokenizer.ts';
import { refused } from '../../helpers/checks/refused.ts';
import { TRAINED_JSON } from '../../helpers/files/tokenizer-json.ts';

const test = suite('createTokenizer()');

const trained: unknown = JSON.parse(TRAINED_JSON);
const tokenizer = createTokenizer(trained);
const END = '<|end|>';
const END_ID = 256;

interface TinyFile {
  added_tokens?: unknown;
  normalizer?: unknown;
  pre_tokenizer?: unknown;
  model: Record<string, unknown>;
}

/** The file's ids 0 … 255: one character for each byte. */
const byteTokens = Object.entries(
  (trained as TinyFile).model['vocab'] as Record<string, number>,
).filter(([, id]) => id < 256);
const byteId = (character: string): number => byteTokens.find(([name]) => name === character)![1];

/** The bytes, "ab", and a special token that is in the vocabulary; `change` breaks it. */
function tiny(change: (file: TinyFile) => unknown = () => {}): unknown {
  const vocab = { ...Object.fromEntries(byteTokens), ab: 256, '<>': 257 };
  const merges = [['a', 'b'], '< >'];
  const file: TinyFile = {
    added_tokens: [
      { id: 257, content: '<>', special: true },
      { id: 258, content: '<!>', special: false },
    ],
    model: { type: 'BPE', vocab, merges },
  };
  const complete = {
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, use_regex: false },
    post_processor: null,
    decoder: { type: 'ByteLevel' },
    ...file,
  };
  change(complete);
  return complete;
}

test('a model without a type is a BPE, as in older files', () => {
  const untyped = tiny(({ model }) => delete model['type']);
  assert.equal(createTokenizer(untyped).encode('ab'), [256]);
});

test('a trained file: 2,048 ids, known tokens', () => {
  assert.is(tokenizer.vocabSize, 2048);
  assert.is(tokenizer.decode(tokenizer.encode('Once upon a time')), 'Once upon a time');
  assert.ok(tokenizer.encode('Once upon a time').length <= 8);
  assert.equal(tokenizer.encode(''), []);
  assert.is(tokenizer.decode([]), '');
});

test('any unicode string round-trips, ids in range and never the special one', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 200 }),
    fc.string({ unit: fc.constantFrom(...'<|end|> \n.,!?\u0000e\u0301\u200d😀\ufeff\u202e') }),
  );
  fc.assert(
    fc.property(text, (s) => {
      const ids = tokenizer.encode(s);
      assert.ok(ids.every((id) => Number.isInteger(id) && id >= 0 && id < 2048 && id !== END_ID));
      assert.is(tokenizer.decode(ids), s);
    }),
    { numRuns: 1000 },
  );
});

test('spaces before punctuation survive', () => {
  for (const text of ["it 's , a . b ! do n't", '  two  spaces  ', '\n\n \n']) {
    assert.is(tokenizer.decode(tokenizer.encode(text)), text);
  }
});

test('lone surrogates become U+FFFD, pairs stay', () => {
  for (const [text, expected] of [
    ['a\ud83db', 'a\ufffdb'],
    ['\ude00', '\ufffd'],
    ['\ud83d\ud83d\ude00', '\ufffd😀'],
  ] as const) {
    assert.is(tokenizer.decode(tokenizer.encode(text)), expected);
  }
});

test('a special token written by a user stays text in every disguise', () => {
  for (const text of [END, `a${END}b`, END + END, `<|${END}|>`, ` ${END}\n`, '<|END|>', '<|end|']) {
    const ids = tokenizer.encode(text);
    assert.not.ok(ids.includes(END_ID), text);
    assert.is(tokenizer.decode(ids), text);
    assert.is(tokenizer.decode(ids, { skipSpecial: true }), text);
  }
});

test('parseSpecial gives special ids, skipSpecial leaves them out', () => {
  const ids = tokenizer.encode(`a${END}b`, { parseSpecial: true });
  assert.equal(ids, [...tokenizer.encode('a'), END_ID, ...tokenizer.encode('b')]);
  assert.is(tokenizer.decode(ids), `a${END}b`);
  assert.is(tokenizer.decode(ids, { skipSpecial: true }), 'ab');
  assert.is(tokenizer.decode([END_ID], { skipSpecial: true }), '');
});

test('a special token that the vocabulary and a merge spell out is still not reached', () => {
  const small = createTokenizer(tiny());
  assert.equal(small.encode('ab<>'), [256, byteId('<'), byteId('>')]);
  assert.equal(small.encode('ab<>', { parseSpecial: true }), [256, 257]);
  assert.equal(small.encode('<!>a'), [258, byteId('a')]); // added, but not special
  assert.is(small.vocabSize, 259);
  const ignoring = createTokenizer(tiny((file) => (file.model['ignore_merges'] = true)));
  assert.equal(ignoring.encode('<>'), [byteId('<'), byteId('>')]);
  const without = createTokenizer(tiny((file) => (file.added_tokens = [])));
  assert.equal(without.encode('<>'), [257]);
});

test('ids without a token have no text', () => {
  assert.is(tokenizer.decode([5000, -1, 1.5, ...tokenizer.encode('a')]), 'a');
});

test('text without a token is TOKENIZER_INVALID, never dropped', async () => {
  const small = createTokenizer(
    tiny((file) => Object.assign(file.model, { vocab: { a: 0 }, merges: [], unk_token: 'x' })),
  );
  assert.equal(small.encode('aa'), [0, 0]);
  await refused(() => small.encode('abc'), 'TOKENIZER_INVALID');
});

test('streamed decoding equals decoding in one go', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 2047 }), { maxLength: 100 }), (ids) => {
      const stream = new TextStream(tokenizer);
      const text = ids.map((id) => stream.push(id)).join('') + stream.flush();
      assert.is(text, tokenizer.decode(ids, { skipSpecial: true }));
    }),
    { numRuns: 300 },
  );
});

test('vocabSize of the model bounds every id', async () => {
  assert.is(createTokenizer(trained, { vocabSize: 2048 }).vocabSize, 2048);
  await refused(() => createTokenizer(trained, { vocabSize: 2047 }), 'TOKENIZER_INVALID');
});

const model = (entries: Record<string, unknown>) => (file: TinyFile) =>
  Object.assign(file.model, entries);
const vocab = (entries: Record<string, unknown>) => (file: TinyFile) =>
  Object.assign(file.model['vocab'] as object, entries);
const added = (tokens: unknown) => (file: TinyFile) => {
  file.added_tokens = tokens;
};
/** Published split patterns, by the models that use them. */
const PATTERNS: Readonly<Record<string, string>> = {
  'GPT-2': "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
  'Llama 3':
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
  'brackets that mean themselves': '[()+*]+|\\)+|a',
};

const split = (pattern: unknown) => (file: TinyFile) => {
  const step = { type: 'Split', pattern, behavior: 'Isolated', invert: false };
  file.pre_tokenizer = { type: 'Sequence', pretokenizers: [step, file.pre_tokenizer] };
};
let nested: unknown = { type: 'ByteLevel' };
for (let i = 0; i < 100_000; i++) nested = { pretokenizers: [nested] };

const HOSTILE: Record<string, (file: TinyFile) => unknown> = {
  'model type': model({ type: 'Unigram' }),
  'no vocab': model({ vocab: null }),
  'empty vocab': (file) => {
    Object.assign(file.model, { vocab: {}, merges: [] });
    file.added_tokens = [];
  },
  'a byte without a token': (file) => Reflect.deleteProperty(file.model['vocab'] as object, 'Ġ'),
  'vocab array': model({ vocab: ['a'] }),
  'negative id': vocab({ zz: -1 }),
  'fractional id': vocab({ zz: 300.5 }),
  'string id': vocab({ zz: '300' }),
  'huge id': vocab({ zz: 4e9 }),
  'duplicate id': vocab({ zz: 256 }),
  'merges missing': model({ merges: undefined }),
  'merge into nothing': model({ merges: [['b', 'a']] }),
  'merge of three': model({ merges: ['a b a'] }),
  'merge of one': model({ merges: ['ab'] }),
  'merge of numbers': model({ merges: [[1, 2]] }),
  'subword prefix': model({ continuing_subword_prefix: '##' }),
  'added tokens object': added({}),
  'added token null': added([null]),
  'added token empty': added([{ id: 9, content: '', special: true }]),
  'added token without text': added([{ id: 9, special: true }]),
  'added token with a taken id': added([{ id: 0, content: 'zz', special: true }]),
  'added token with a huge id': added([{ id: 2 ** 31, content: 'zz', special: true }]),
  'pattern of 1,025 characters': split({ Regex: 'a'.repeat(1025) }),
  'a split without a pattern': (file) => {
    file.pre_tokenizer = { type: 'Split', behavior: 'Isolated', invert: false };
  },
  'no ByteLevel step': (file) => (file.pre_tokenizer = null),
  'two ByteLevel steps': (file) => {
    const step = { type: 'ByteLevel', add_prefix_space: false, use_regex: false };
    file.pre_tokenizer = { type: 'Sequence', pretokenizers: [step, step] };
  },
  'replacements that multiply the text': (file) => {
    const step = { type: 'Replace', pattern: { String: 'a' }, content: 'a'.repeat(20) };
    file.normalizer = { type: 'Sequence', normalizers: [step, step] };
  },
  'pattern with a back-reference': split({ Regex: '(a+)\\1' }),
  'pattern not a regex': split({ Regex: '(' }),
  'pattern of unknown kind': split({ Glob: '*' }),
  'pattern a number': split({ Regex: 5 }),
  'pattern a string': split('a'),
  'unknown pre-tokenizer': (file) => (file.pre_tokenizer = { type: 'Nonsense' }),
  'deep nesting': (file) => (file.pre_tokenizer = nested),
};

for (const [name, change] of Object.entries(HOSTILE)) {
  test(`${name}: TOKENIZER_INVALID`, async () => {
    await refused(() => createTokenizer(tiny(change)), 'TOKENIZER_INVALID');
  });
}

test('no object at all is TOKENIZER_INVALID', async () => {
  for (const json of [null, undefined, 5, 'x', [], {}, { model: 5 }]) {
    await refused(() => createTokenizer(json), 'TOKENIZER_INVALID');
  }
});

for (const [name, Regex] of Object.entries(PATTERNS)) {
  test(`the pattern of ${name} is taken`, () => {
    assert.not.throws(() => createTokenizer(tiny(split({ Regex }))));
  });
}

test.run();
