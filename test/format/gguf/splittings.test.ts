import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { GgufMetadata } from '../../../src/format/gguf/metadata.ts';
import { SPLITTINGS } from '../../../src/format/gguf/vocabulary/splittings.ts';
import { readGgufTokenizer } from '../../../src/format/gguf/tokenizer.ts';
import { createTokenizer } from '../../../src/text/tokenizer.ts';
import { byteLevelAlphabet } from '../../helpers/files/gguf-vocabulary.ts';

const test = suite('SPLITTINGS');

/** Texts as the reference implementation cuts them, with "|" between the pieces. */
const { texts, cuts } = JSON.parse(
  readFileSync(new URL('../../fixtures/gguf_splittings.json', import.meta.url), 'utf8'),
) as { texts: string[]; cuts: Record<string, string[]> };

/** The alphabet, and every piece of any cut. */
const tokens = [
  ...new Set([...byteLevelAlphabet(), ...Object.values(cuts).flat().join('|').split('|')]),
];

test('every way to split is compared, under one of its names', () => {
  const compared = new Set(Object.keys(cuts).map((pre) => SPLITTINGS.get(pre)));
  assert.equal(new Set(SPLITTINGS.values()), compared);
});

test('names of the same way to split', () => {
  const synonyms = [
    'llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2',
    'qwen2 deepseek-r1-qwen megrez kormo',
    'smollm starcoder refact codeshell exaone minerva-7b',
    'gpt-2 phi-2 gigachat a.x-4.0 mellum trillion',
    'gpt-4o llama4 kanana2',
    'deepseek-v3 hunyuan-dense',
  ];
  for (const names of synonyms) {
    const [first, ...others] = names.split(' ').map((name) => SPLITTINGS.get(name));
    assert.ok(first, names);
    for (const other of others) assert.is(other, first, names);
  }
});

for (const [pre, expected] of Object.entries(cuts)) {
  test(`${pre} cuts as the reference implementation`, () => {
    const metadata = new GgufMetadata(
      new Map(
        Object.entries({
          'tokenizer.ggml.model': 'gpt2',
          'tokenizer.ggml.pre': pre,
          'tokenizer.ggml.tokens': tokens,
          'tokenizer.ggml.merges': [],
        }),
      ),
    );
    const { tokenizer } = readGgufTokenizer(metadata, tokens.length);
    // A piece that is a token becomes that token: the ids show where the text was cut.
    const model = { ...(tokenizer!['model'] as object), ignore_merges: true };
    const { encode } = createTokenizer({ ...tokenizer, normalizer: null, model });
    const found = texts.map((text) =>
      encode(text)
        .map((id) => tokens[id]!)
        .join('|'),
    );
    assert.equal(found, expected);
  });
}

test.run();
