import { existsSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bytesSource } from '../../../src/format/files/byte-source.ts';
import { readGgufHeader } from '../../../src/format/gguf/header.ts';
import { readGgufTokenizer } from '../../../src/format/gguf/tokenizer.ts';
import { createTokenizer } from '../../../src/text/tokenizer.ts';

const test = suite('a vocabulary that others made');

/** llama.cpp's own test of DeepSeek Coder's vocabulary: texts, and their ids without BOS. */
const path = new URL(
  '../../../../shared/real/vocab/ggml-vocab-deepseek-coder.gguf',
  import.meta.url,
);

const readLines = (kind: string): string => readFileSync(`${path.pathname}.${kind}`, 'utf8');

async function checkIds(): Promise<void> {
  const { metadata } = await readGgufHeader(bytesSource('vocabulary', readFileSync(path)));
  const { tokenizer, notes } = readGgufTokenizer(metadata, 2 ** 20);
  assert.equal(notes, []);
  const { encode } = createTokenizer(tokenizer);
  const texts = readLines('inp').split('\n__ggml_vocab_test__\n');
  const expected = readLines('out').split('\n');
  assert.ok(texts.length > 40);
  for (const [i, text] of texts.entries()) assert.is(encode(text).join(' '), expected[i]!.trim());
}

if (existsSync(path)) test('gives the ids that llama.cpp gives', checkIds);
else test.skip('gives the ids that llama.cpp gives: ../shared/real/vocab is not there');

test.run();
