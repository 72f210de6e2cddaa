import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TextTable } from '../../src/base/text-table.ts';
import { parseJson } from '../../src/format/files/json.ts';
import { parseTokenizerJson } from '../../src/format/tokenizer-json.ts';
import { createTokenizer } from '../../src/text/tokenizer.ts';
import { byteLevelJson, TRAINED_JSON } from '../helpers/files/tokenizer-json.ts';

const test = suite('parseTokenizerJson()');

type Model = Readonly<Record<string, unknown>>;

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const refuse = (rule: string, found: string): never => {
  throw new Error(`expected ${rule}, found ${found}`);
};
const parse = (text: string | Uint8Array): { model: Model } =>
  parseTokenizerJson(typeof text === 'string' ? bytesOf(text) : text, refuse) as { model: Model };
const modelOf = (vocab: string, merges = '[]'): string =>
  `{"a": [1], "model": {"type": "BPE", "vocab": ${vocab}, "merges": ${merges}, "z": "}"}, "b": {}}`;

/** What of a table a Map would hold. */
function entriesOf(table: unknown): [string, number][] {
  assert.instance(table, TextTable);
  const { limit } = table as TextTable;
  return Array.from({ length: limit }, (_, id) => [(table as TextTable).textOf(id), id]).filter(
    (entry): entry is [string, number] => entry[0] !== undefined,
  );
}

test('makes a table of the vocabulary and ids of the merges, and leaves the rest', () => {
  const text = modelOf('{"a": 0, "b" : 2 ,"ab":1}', '["a b", ["a","b"]]');
  const { model, ...rest } = parse(text);
  const { vocab, merges, ...others } = model;
  assert.equal(entriesOf(vocab), [
    ['a', 0],
    ['ab', 1],
    ['b', 2],
  ]);
  assert.equal(merges, Int32Array.of(0, 2, 1, 0, 2, 1));
  assert.equal(others, { type: 'BPE', z: '}' });
  assert.equal(rest, { a: [1], b: {} });
});

test('reads the merges before the vocabulary, and behind a byte order mark', () => {
  const text = '\uFEFF{"model":{"merges":["a b"],"vocab":{"a":0,"b":1,"ab":2}}}';
  assert.equal(parse(text).model['merges'], Int32Array.of(0, 1, 2));
});

test('reads every text as JSON.parse does', () => {
  const texts = [
    'é',
    'Ġ',
    '語',
    '😀',
    '\ud83d',
    '\ude00',
    '"\\/\b\f\n\r\t',
    '\u0000',
    '1',
    '__proto__',
  ];
  const vocab = JSON.stringify(Object.fromEntries(texts.map((text, id) => [text, id + 5])));
  const whole = vocab.replace('{', '{"😀\\ud83d\\ude00": 0, "\\u00e9\\u0120": 1,');
  const expected = Object.entries(JSON.parse(whole.replace('__proto__', '_proto_')) as object);
  const found = entriesOf(parse(modelOf(whole)).model['vocab']);
  assert.is(found.length, expected.length);
  for (const [text, id] of expected) {
    assert.is(
      found.find(([known]) => known === text.replace('_proto_', '__proto__'))?.[1],
      id,
      text,
    );
  }
  const halves = parse(modelOf('{"\\ud83d":0,"\\ude00":1,"😀":2}', '["\\ud83d \\ude00"]')).model;
  assert.equal(halves['merges'], Int32Array.of(0, 1, 2));
});

test('of a text that is there twice the last id counts', () => {
  assert.equal(entriesOf(parse(modelOf('{"a":0,"a":3}')).model['vocab']), [['a', 3]]);
});

test('leaves what is not as tools write it to JSON.parse, value and error', () => {
  const vocab = '{"a":0,"b":1,"ab":2}';
  const odd = [
    modelOf('{"":0}'),
    modelOf('{"a":0,"b":0}'),
    modelOf('{"a":1.0}'),
    modelOf('{"a":1e1}'),
    modelOf('{"a":-1}'),
    modelOf('{"a":1048576}'),
    modelOf('{"a":12345678901}'),
    modelOf('{"a":"0"}'),
    modelOf('{"a":{}}'),
    modelOf('["a"]'),
    modelOf('null'),
    modelOf(vocab, '["ab"]'),
    modelOf(vocab, '["a b "]'),
    modelOf(vocab, '[" b"]'),
    modelOf(vocab, '["a  b"]'),
    modelOf(vocab, '["a a"]'),
    modelOf(vocab, '["x b"]'),
    modelOf(vocab, '[["a"]]'),
    modelOf(vocab, '[["a","b","a"]]'),
    modelOf(vocab, '[["","ab"]]'),
    modelOf(vocab, '[["a",1]]'),
    modelOf(vocab, '{}'),
    modelOf(vocab).replace('"z"', '"vocab":{"b":0},"z"'),
    modelOf(vocab).replace('"b": {}', '"model":{}'),
    modelOf(vocab).replace('"vocab"', '"v\\u006fcab"'),
    modelOf(vocab).replace('"z"', '"v\\u006fcab":{"b":0},"z"'),
    modelOf(vocab).replace('"model"', '"other"'),
    '{"model":[]}',
    '{"model":{}}',
    '[]',
    '1',
  ];
  for (const text of odd) assert.equal(parse(text), JSON.parse(text), text);
});

test('refuses what JSON.parse refuses', () => {
  const right = modelOf('{"a":0,"b":1,"ab":2}', '["a b",["a","b"]]');
  const reason = (text: string | Uint8Array, read: typeof parseJson): string => {
    const bytes = typeof text === 'string' ? bytesOf(text) : text;
    try {
      read(bytes, refuse, false);
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  };
  // each byte left out, and each one in the place of another
  const bytes = bytesOf(right);
  for (let at = 0; at < bytes.length; at++) {
    const without = new Uint8Array([...bytes.subarray(0, at), ...bytes.subarray(at + 1)]);
    assert.is(reason(without, parseTokenizerJson), reason(without, parseJson), `without ${at}`);
    for (const byte of [0x22, 0x2c, 0x30, 0x5c, 0x7b, 0x7d, 0x5d, 0x80, 0xc0, 0xed, 0xff, 0x0a]) {
      const changed = Uint8Array.from(bytes);
      changed[at] = byte;
      assert.is(reason(changed, parseTokenizerJson), reason(changed, parseJson), `${at} ${byte}`);
    }
    const cut = bytes.subarray(0, at);
    assert.is(reason(cut, parseTokenizerJson), reason(cut, parseJson), `cut at ${at}`);
  }
  for (const sequence of [
    [0xc0, 0x80],
    [0xe0, 0x80, 0x80],
    [0xed, 0xa0, 0x80],
    [0xf4, 0x90, 0x80, 0x80],
    [0xf8, 0x88, 0x80, 0x80],
    [0xc3],
  ]) {
    const at = right.indexOf('ab"');
    const spoilt = new Uint8Array([...bytes.subarray(0, at), ...sequence, ...bytes.subarray(at)]);
    assert.is(reason(spoilt, parseTokenizerJson), reason(spoilt, parseJson), String(sequence));
    assert.match(reason(spoilt, parseTokenizerJson), /UTF-8/);
  }
});

test('gives the ids that the objects of JSON.parse give', () => {
  const made = JSON.stringify(
    byteLevelJson([
      ['a', 'b'],
      ['ab', 'c'],
      ['Ġ', 'a'],
    ]),
    undefined,
    1,
  );
  const words = 'Once upon a time 😀 \u00e9\u0301 abc ab c\n\n  aaa bcb 語 <|endoftext|>';
  for (const json of [TRAINED_JSON, made]) {
    const packed = createTokenizer(parse(json));
    const plain = createTokenizer(JSON.parse(json));
    assert.instance(parse(json).model['vocab'], TextTable);
    assert.is(packed.vocabSize, plain.vocabSize);
    assert.equal(packed.encode(words), plain.encode(words));
    for (let id = -1; id <= plain.vocabSize; id++) {
      assert.is(packed.decode([id]), plain.decode([id]));
    }
    assert.is(packed.decode(packed.encode(words)), words);
  }
});

test.run();
