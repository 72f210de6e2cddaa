import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel, type Model } from '../../../src/index.ts';
import { convertCheckpoint, openCheckpoint } from '../../../src/convert.ts';
import { refused } from '../../helpers/checks/refused.ts';
import { buildCheckpoint } from '../../helpers/files/build-checkpoint.ts';
import { assertSame, nmse } from '../../helpers/checks/close.ts';
import {
  bytesOfFiles,
  convertedBytes,
  folderCheckpoint,
  openedGguf,
} from '../../helpers/files/converted.ts';
import { buildLlama, LLAMA_VARIANTS, llamaVariant } from '../../helpers/models/llama-model.ts';
import { SHIPPED_MODEL } from '../../../src/cli/package-files.ts';
import { talkingT6 } from '../../helpers/sessions/talking-t6.ts';
import { MECHANISM_VARIANTS } from '../../helpers/models/mechanism-model.ts';
import type { ModelBytes } from '../../../src/format/files/bytes-at-hand.ts';
import type { ConvertOptions } from '../../../src/convert.ts';

const test = suite('GGUF, written and read');

/** More than a block of queries, and than a window or an original context of 64 tokens. */
const COUNT = 70;

/** A model through a GGUF file and back into memory. */
async function throughGguf(source: ModelBytes, options: ConvertOptions = {}): Promise<ModelBytes> {
  const written = await convertedBytes(await folderCheckpoint(source), {
    format: 'gguf',
    ...options,
  });
  assert.equal([...written.keys()], ['model.gguf']);
  return bytesOfFiles(await convertedBytes(await openedGguf(written.get('model.gguf')!)));
}

/** What must agree for two models to be the same. */
function essence({ config: { ignoredKeys: _keys, ...rest } }: Model): object {
  return rest;
}

async function checkSame(source: ModelBytes, options: ConvertOptions = {}): Promise<void> {
  using original = await loadModel(source, { simd: 'baseline' });
  using read = await loadModel(await throughGguf(source, options), { simd: 'baseline' });
  const [config, found] = [essence(original), essence(read)];
  assert.equal({ ...found, eosTokenIds: [] }, { ...config, eosTokenIds: [] });
  const { vocabSize } = original.config;
  const ids = Array.from({ length: COUNT }, (_, i) => (i * 37 + 5) % vocabSize);
  assertSame(await read.logits(ids), await original.logits(ids), 'logits');
}

for (const { name, build } of [...MECHANISM_VARIANTS, ...LLAMA_VARIANTS]) {
  test(`${name}: the same configuration, and the same logits, bit for bit`, () =>
    checkSame(build().source));
}

for (const { name, build } of [...MECHANISM_VARIANTS.slice(0, 4), ...LLAMA_VARIANTS.slice(0, 2)]) {
  for (const dtype of ['F16', 'BF16'] as const) {
    test(`${name} in ${dtype}: kept as it is stored, or widened`, async () => {
      const { source } = build({ dtype });
      await checkSame(source);
      await checkSame(source, { dtype: 'f32' });
    });
  }
}

test('what llama.cpp computes otherwise is told', async () => {
  const notes: Record<string, string> = {};
  for (const { name, build } of LLAMA_VARIANTS) {
    const checkpoint = await folderCheckpoint(build().source);
    const [file] = await convertCheckpoint(checkpoint, { format: 'gguf' });
    if (file!.notes!.length > 0) notes[name] = file!.notes!.join('; ');
  }
  const unsaid = 'llama.cpp refuses it or computes otherwise, having no key for';
  assert.equal(notes, {
    'llama-rope-yarn-mscale': `${unsaid} yarn without truncate`,
    'mistral-window': `${unsaid} a window of 6 tokens in llama`,
    'qwen2-window': `${unsaid} a window of 5 tokens in qwen2`,
  });
});

test('heads of Qwen 2 that llama.cpp does not have are told', async () => {
  const { source } = buildLlama({ ...llamaVariant('qwen2').config, head_dim: 24 }, 3);
  const checkpoint = await folderCheckpoint(source);
  const [file] = await convertCheckpoint(checkpoint, { format: 'gguf' });
  assert.match(file!.notes!.join(), /no key for 6 heads of 24 over a width of 96 in qwen2$/);
  await checkSame(source);
});

test('floats in 8 bits and the shipped model in 4: text and ids, and nearly the same logits', async () => {
  const floats = talkingT6({ eos_token_id: 256 });
  const text = 'Once upon a time there was a king who had';
  for (const { source, open, dtype, bytesPerWeight, bound } of [
    {
      source: floats,
      open: () => folderCheckpoint(floats),
      dtype: 'q8_0',
      bytesPerWeight: 34 / 32,
      bound: 0.02,
    },
    // trained weights: of random ones 4 bits leave logits that have little to do with the floats'
    {
      source: SHIPPED_MODEL,
      open: () => openCheckpoint(SHIPPED_MODEL),
      dtype: 'q4_0',
      bytesPerWeight: 18 / 32,
      bound: 0.1,
    },
  ] as const) {
    using original = await loadModel(source, { simd: 'baseline' });
    const ids = original.tokenizer!.encode(text);
    const { vocabSize } = original.config;
    const expected = (await original.logits(ids)).slice(-vocabSize);
    const checkpoint = await open();
    const written = await convertedBytes(checkpoint, { format: 'gguf', dtype });
    await checkpoint.close();
    const gguf = written.get('model.gguf')!;
    const { parameters } = original.info();
    assert.ok(gguf.length < parameters * bytesPerWeight + 60_000, `${gguf.length} bytes`);
    using model = await loadModel({ gguf }, { simd: 'baseline' });
    assert.equal(model.tokenizer!.encode(text), ids);
    assert.is(model.tokenizer!.decode(ids), text);
    assert.equal(model.config.eosTokenIds, original.config.eosTokenIds);
    const error = nmse((await model.logits(ids)).slice(-vocabSize), expected);
    assert.ok(error > 0 && error < bound, `${dtype}: ${error}`);
  }
});

test('the shipped model comes back as it is, the same logits bit for bit', async () => {
  const checkpoint = await openCheckpoint(SHIPPED_MODEL);
  const written = await convertedBytes(checkpoint, { format: 'gguf' });
  await checkpoint.close();
  using original = await loadModel(SHIPPED_MODEL, { simd: 'baseline' });
  using read = await loadModel(written.get('model.gguf')!, { simd: 'baseline' });
  assert.equal(read.info().stored, original.info().stored);
  const ids = original.tokenizer!.encode('Once upon a time');
  assertSame(await read.logits(ids), await original.logits(ids), 'logits');
});

test('a tied head that is stored is compared, not written', async () => {
  const { source, tensors } = MECHANISM_VARIANTS[0]!.build();
  const embedding = tensors.get('transformer.wte.weight')!;
  const names = async (head: { shape: number[]; values: Float32Array }) => {
    const more = new Map([...tensors, ['lm_head.weight', head]]);
    const { source: doubled } = buildCheckpoint(source.config, more);
    const written = await convertedBytes(await folderCheckpoint(doubled), { format: 'gguf' });
    return (await openedGguf(written.get('model.gguf')!)).tensors.map(({ name }) => name);
  };
  assert.not((await names(embedding)).includes('lm_head.weight'));
  const other = { ...embedding, values: embedding.values.slice() };
  other.values[other.values.length - 1] = 9;
  await refused(() => names(other), 'MODEL_UNSUPPORTED', /"lm_head\.weight" expected the values/);
});

test.run();
