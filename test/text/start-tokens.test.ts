import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readStartIds } from '../../src/text/start-tokens.ts';
import { eachRefused } from '../helpers/checks/refused.ts';

const NAMES = new Map([
  [0, 'a'],
  [1, '<s>'],
  [2, '</s>'],
]);
const nameOf = (id: number): string | undefined => NAMES.get(id);
const start = (id: string) => ({ SpecialToken: { id, type_id: 0 } });
const TEXT = { Sequence: { id: 'A', type_id: 0 } };
const TOKENS = {
  '<s>': { id: '<s>', ids: [1], tokens: ['<s>'] },
  '</s>': { id: '</s>', ids: [2], tokens: ['</s>'] },
};
const template = (single: unknown, special_tokens: unknown = TOKENS) => ({
  type: 'TemplateProcessing',
  single,
  pair: [],
  special_tokens,
});

const test = suite('readStartIds()');

test('the special tokens before the text, alone or in a sequence of processors', () => {
  const llama = template([start('<s>'), TEXT]);
  assert.equal(readStartIds(llama, nameOf), [1]);
  assert.equal(readStartIds(template([start('<s>'), start('</s>'), TEXT]), nameOf), [1, 2]);
  assert.equal(readStartIds(template([TEXT, start('</s>')]), nameOf), []);
  const byteLevel = { type: 'ByteLevel', trim_offsets: true };
  assert.equal(readStartIds({ type: 'Sequence', processors: [byteLevel, llama] }, nameOf), [1]);
});

test('cls of the processors of RoBERTa and BERT', () => {
  const sep = ['</s>', 2];
  for (const type of ['RobertaProcessing', 'BertProcessing']) {
    const processor = { type, sep, cls: ['<s>', 1] };
    assert.equal(readStartIds(processor, nameOf), [1]);
    assert.equal(readStartIds({ type: 'Sequence', processors: [processor] }, nameOf), [1]);
  }
});

test('none for other post-processors and for what is no post-processor', () => {
  const others = [undefined, null, 5, 'x', [], {}, { type: 'ByteLevel' }, { type: 'Sequence' }];
  for (const other of [...others, template(undefined), template([]), template([TEXT])]) {
    assert.equal(readStartIds(other, nameOf), []);
  }
});

test('tokens that the file does not have, and too many, are refused', async () => {
  const wrong: unknown[] = [
    template([start('<s>'), TEXT], {}),
    template([start('toString'), TEXT]),
    template([start('<s>'), TEXT], { '<s>': { ids: [7] } }),
    template([start('<s>'), TEXT], { '<s>': { ids: ['1'] } }),
    template([start('<s>'), TEXT], { '<s>': { ids: 1 } }),
    template([start('<s>'), TEXT], { '<s>': { ids: [1.5] } }),
    template([start('<s>'), TEXT], { '<s>': { ids: Array(2 ** 20).fill(1) } }),
    { type: 'RobertaProcessing', sep: ['</s>', 2], cls: ['<s>', 7] },
    { type: 'BertProcessing', sep: ['</s>', 2] },
    template([...Array.from({ length: 17 }, () => start('<s>')), TEXT]),
  ];
  await eachRefused((processor) => readStartIds(processor, nameOf), 'TOKENIZER_INVALID', wrong);
});

test.run();
