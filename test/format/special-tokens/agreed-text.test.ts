import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ModelText } from '../../../src/format/contents.ts';
import { agreeOnSpecialTokens } from '../../../src/format/special-tokens/agreed-text.ts';
import { createTokenizer } from '../../../src/text/tokenizer.ts';
import { CANARY, refused } from '../../helpers/checks/refused.ts';

const test = suite('agreeOnSpecialTokens()');

const added = (id: number, content: string, special = true) => ({ id, content, special });
const piece = (id: string) => ({ SpecialToken: { id, type_id: 0 } });
const TEXT = { Sequence: { id: 'A', type_id: 0 } };
const template = (...single: object[]) => ({
  type: 'TemplateProcessing',
  single,
  special_tokens: { '<s>': { id: '<s>', ids: [1] }, '<m>': { id: '<m>', ids: [5] } },
});

/** a, b and an unknown token; `<s>` and `</s>` are added, `<end>` is a word, `<m>` is no special. */
const tokenizer = (post_processor: unknown = null): ModelText['tokenizer'] => ({
  added_tokens: [added(1, '<s>'), added(2, '</s>'), added(5, '<m>', false)],
  post_processor,
  model: {
    type: 'BPE',
    unk_token: '?',
    merges: [],
    vocab: { '?': 0, a: 3, b: 4, '<end>': 6 },
  },
});

function agree(text: ModelText, config: object = {}) {
  const {
    text: agreed,
    endIds,
    start,
  } = agreeOnSpecialTokens({ tokenizer: tokenizer(), ...text } as ModelText, { ...config });
  const { bos_token, eos_token } = agreed.tokenizerConfig!;
  const made = createTokenizer(agreed.tokenizer, { start });
  const special = Object.fromEntries(made.specialTokens);
  return { bos: bos_token, eos: eos_token, endIds, special, startIds: made.startIds, made };
}

/** Where texts begin by a post-processor and a tokenizer_config.json. */
function startWith(processor: unknown, config: object): readonly number[] {
  const tokenizerConfig = { bos_token: '<s>', ...config };
  return agree({ tokenizer: tokenizer(processor)!, tokenizerConfig }).startIds;
}

function startOfClass(tokenizer_class: unknown, more: object = {}): readonly number[] {
  return startWith(null, { tokenizer_class, ...more });
}

const SPECIAL = { '<s>': 1, '</s>': 2 };

test('a token that either file names as EOS is an end, as text or as an object', () => {
  assert.equal(agree({}).endIds, []);
  assert.equal(agree({ tokenizerConfig: { eos_token: '</s>' } }).endIds, [2]);
  assert.equal(agree({ specialTokensMap: { eos_token: { content: '</s>' } } }).endIds, [2]);
  const both = agree({
    tokenizerConfig: { eos_token: { content: '<end>', lstrip: false } },
    specialTokensMap: { eos_token: '</s>' },
  });
  assert.equal(
    both.endIds.toSorted((a, b) => a - b),
    [2, 6],
  );
  assert.equal(agree({ tokenizerConfig: { eos_token: '<nowhere>' } }).endIds, []);
});

test('without a tokenizer.json an end is known by added_tokens_decoder', () => {
  const tokenizerConfig = { eos_token: 'E', added_tokens_decoder: { 9: { content: 'E' } } };
  assert.equal(agreeOnSpecialTokens({ tokenizerConfig }, {}).endIds, [9]);
  assert.equal(agreeOnSpecialTokens({}, {}).endIds, []);
});

test('templates get the tokens that transformers takes', () => {
  const tokenizerConfig = { bos_token: '<s>', eos_token: '</s>' };
  const specialTokensMap = { bos_token: '<end>', eos_token: { content: '<m>' } };
  const { bos, eos } = agree({ tokenizerConfig, specialTokensMap });
  assert.equal([bos, eos], ['<end>', '<m>']);
  const added_tokens_decoder = { 1: { content: '<s>' } };
  const modern = { ...tokenizerConfig, added_tokens_decoder };
  const other = agree({ tokenizerConfig: modern, specialTokensMap });
  assert.equal([other.bos, other.eos], ['<s>', '</s>']);
});

test('tokens that no file names by text are known by their ids, unless there is none', () => {
  const config = { bos_token_id: 1, eos_token_id: [6, 2] };
  const byId = agree({}, config);
  assert.equal([byId.bos, byId.eos], ['<s>', '<end>']);
  const generation = agree({ generationConfig: { bos_token_id: 2, eos_token_id: -1 } }, config);
  assert.equal([generation.bos, generation.eos], ['</s>', '<end>']);
  assert.is(agree({ tokenizerConfig: { bos_token: null } }, config).bos, null);
  assert.is(agree({ tokenizerConfig: { bos_token: '' } }, config).bos, null);
  for (const id of [-1, null, 99, '1', [[1]]]) assert.is(agree({}, { bos_token_id: id }).bos, null);
  const late = (count: number) => agree({}, { bos_token_id: [...Array(count).fill(99), 1] }).bos;
  assert.is(late(255), '<s>');
  assert.is(late(256), null, 'a list is read as far as one may be');
});

test('every added token that a file names is special', () => {
  assert.equal(agree({}).special, SPECIAL);
  const named = { ...SPECIAL, '<m>': 5 };
  for (const lists of [
    { pad_token: { content: '<m>' } },
    { additional_special_tokens: ['a', { content: '<m>' }, 5, null] },
    { extra_special_tokens: { image: '<m>' }, additional_special_tokens: 5 },
  ]) {
    assert.equal(agree({ tokenizerConfig: lists }).special, named);
    assert.equal(agree({ specialTokensMap: lists }).special, named);
  }
});

test('a word of the vocabulary that is named stays one that people can write', () => {
  const tokenizerConfig = { eos_token: 'a', pad_token: 'b', unk_token: '?' };
  const { special, endIds, made } = agree({ tokenizerConfig });
  assert.equal([special, endIds], [SPECIAL, [3]]);
  assert.equal(made.encode('ab'), [3, 4]);
});

test('added_tokens_decoder adds tokens and how they are matched; tokenizer.json is right', () => {
  const added_tokens_decoder = {
    2: { content: '</s>', special: false, rstrip: true },
    5: { content: '<m>', special: true },
    7: { content: '<new>', special: true },
    8: { content: '<word>', special: false },
    3: { content: '<taken>', special: true },
    9: { content: '<m>', special: true },
    x: { content: '<odd>', special: true },
    '-1': { content: '<odd>', special: true },
    10: { content: 5 },
    11: null,
  };
  const { special, made } = agree({ tokenizerConfig: { added_tokens_decoder } });
  assert.equal(special, { ...SPECIAL, '<m>': 5, '<new>': 7 });
  assert.equal(made.encode('a<word>b'), [3, 8, 4]);
  assert.equal(made.encode('a</s> b', { parseSpecial: true }), [3, 2, 4]);
});

test('a token that is named like a property of objects is one', () => {
  for (const content of ['__proto__', 'toString', 'constructor']) {
    const { special, endIds } = agree({
      tokenizerConfig: { eos_token: content, added_tokens_decoder: { 12: { content } } },
    });
    assert.equal([Object.entries(special).length, endIds], [3, [12]]);
  }
});

test('add_bos_token decides whether texts begin with BOS', () => {
  const withBos = template(piece('<s>'), TEXT);
  const [adds, addsNot] = [{ add_bos_token: true }, { add_bos_token: false }];
  assert.equal(startWith(null, {}), []);
  assert.equal(startWith(withBos, {}), [1]);
  for (const none of [null, { type: 'ByteLevel' }, template(TEXT), template()]) {
    assert.equal(startWith(none, adds), [1], JSON.stringify(none));
    assert.equal(startWith(none, addsNot), [], JSON.stringify(none));
  }
  const nested = { type: 'Sequence', processors: [{ type: 'ByteLevel' }, withBos] };
  for (const some of [withBos, nested]) {
    assert.equal(startWith(some, adds), [1]);
    assert.equal(startWith(some, addsNot), []);
  }
  const two = template(piece('<m>'), piece('<s>'), TEXT);
  assert.equal(startWith(two, adds), [5, 1]);
  assert.equal(startWith(two, addsNot), [5]);
  assert.equal(startWith(template(piece('<m>'), TEXT), adds), [1, 5]);
  assert.equal(startWith(null, { ...adds, bos_token: null }), []);
  assert.equal(startWith(null, { ...adds, bos_token: '<nowhere>' }), []);
});

test('tokenizers of LLaMA begin with BOS where nothing is said, those of others do not', () => {
  for (const name of ['LlamaTokenizer', 'LlamaTokenizerFast', 'CodeLlamaTokenizer']) {
    assert.equal(startOfClass(name), [1], name);
    assert.equal(startOfClass(name, { add_bos_token: false }), [], name);
  }
  for (const name of ['PreTrainedTokenizerFast', 'Qwen2Tokenizer', 'MyLlamaTokenizer', 5, null]) {
    assert.equal(startOfClass(name), [], String(name));
  }
});

test('an EOS is not put behind a prompt, whatever add_eos_token says', () => {
  const tokenizerConfig = { bos_token: '<s>', eos_token: '</s>', add_eos_token: true };
  const { startIds, made } = agree({ tokenizerConfig });
  assert.equal([startIds, made.encode('a')], [[], [3]]);
});

test('a BOS or an EOS that is no text is CONFIG_INVALID and names file and field', async () => {
  const cases = [
    ['tokenizer_config.json', 'bos_token', { tokenizerConfig: { bos_token: 5 } }],
    ['tokenizer_config.json', 'eos_token', { tokenizerConfig: { eos_token: { a: CANARY } } }],
    ['special_tokens_map.json', 'eos_token', { specialTokensMap: { eos_token: [CANARY] } }],
    ['special_tokens_map.json', 'bos_token', { specialTokensMap: { bos_token: 'x'.repeat(257) } }],
    ['tokenizer_config.json', 'add_bos_token', { tokenizerConfig: { add_bos_token: CANARY } }],
  ] as const;
  for (const [file, path, text] of cases) {
    await refused(() => agree(text), 'CONFIG_INVALID', { file, path });
  }
});

test('a broken tokenizer.json is left to its reader', async () => {
  for (const broken of [{}, { model: 5 }, { added_tokens: 5 }, { added_tokens: [null, 5, {}] }]) {
    const text = { tokenizer: broken, tokenizerConfig: { eos_token: 'x', add_bos_token: true } };
    await refused(() => agree(text), 'TOKENIZER_INVALID', JSON.stringify(broken));
  }
});

test.run();
