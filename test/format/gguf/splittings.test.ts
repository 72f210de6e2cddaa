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

test('every way to split is compared', () => {
  assert.equal([...SPLITTINGS.keys()], Object.keys(cuts));
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
