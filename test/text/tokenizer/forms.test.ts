import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createTokenizer } from '../../../src/text/tokenizer.ts';
import {
  byteLevelJson,
  characterJson,
  type TokenizerParts,
} from '../../helpers/files/tokenizer-json.ts';

const test = suite('what each step of a tokenizer.json does to ids');

interface Form {
  readonly kind: 'bytes' | 'characters';
  readonly parts: TokenizerParts;
  /** Of each text. */
  readonly ids: readonly string[];
}

/** Odd texts as the reference implementation encodes them; nearly every pair in them is a merge. */
const { texts, letters, merges, forms } = JSON.parse(
  readFileSync(new URL('../../fixtures/tokenizer_forms.json', import.meta.url), 'utf8'),
) as {
  texts: string[];
  letters: string;
  merges: Record<Form['kind'], string[]>;
  forms: Record<string, Form>;
};

const [bytes, characters] = [merges.bytes, merges.characters].map((pairs) =>
  pairs.map((pair) => pair.split(' ') as [string, string]),
);

function tokenizerOf({ kind, parts }: Form) {
  return createTokenizer(
    kind === 'bytes' ? byteLevelJson(bytes!, parts) : characterJson(letters, characters!, parts),
  );
}

for (const [name, form] of Object.entries(forms)) {
  test(`the ids of the reference implementation: ${name}`, () => {
    const tokenizer = tokenizerOf(form);
    for (const [i, text] of texts.entries()) {
      const ids = tokenizer.encode(text, { parseSpecial: true });
      assert.is(ids.join(' '), form.ids[i], JSON.stringify(text));
    }
  });
}

test('the forms differ: few of them give the same ids', () => {
  const kinds = new Set(Object.values(forms).map(({ ids }) => ids.join('\n')));
  assert.ok(kinds.size > 0.8 * Object.keys(forms).length, String(kinds.size));
});

test.run();
