import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../src/index.ts';
import { LLAMA_VARIANTS, llamaVariant } from '../helpers/models/llama-model.ts';
import { MECHANISM_VARIANTS } from '../helpers/models/mechanism-model.ts';
import { fileOf, tensorsOf } from '../helpers/models/streamed-weights.ts';

const test = suite('model.info()');

/** Numbers a token of one layer (paper, Table 1), by the names of the variants. */
const CACHED: Readonly<Record<string, number>> = {
  tpa: 2 * 2 * (5 + 24),
  'tpa-groupnorm': 2 * 3 * (5 + 18),
  'tpa-kvonly': 2 * 2 * (5 + 24),
  mha: 2 * 5 * 18,
  gqa: 2 * 2 * 18,
  mqa: 2 * 24,
  mla: 11 + 10,
  'tpa-sigmoid': 2 * 2 * (5 + 24),
  'tpa-nonctx-a': 2 * 3 * 18,
  'tpa-nonctx-b': 2 * 2 * 5,
  'tpa-shared-b': 3 * (5 + 5 + 18),
  'tpa-third-order': 2 * 2 * (5 + 8 + 3),
  'linear-tpa': 0,
  'linear-gqa': 0,
  'llama-gqa': 2 * 2 * 16,
  'mistral-window': 2 * 2 * 16,
  qwen2: 2 * 2 * 16,
  qwen3: 2 * 2 * 16,
};
/** Numbers of a state of one layer, rows of values in whole vectors. */
const STATES: Readonly<Record<string, number>> = {
  'linear-tpa': 5 * 18 * 20,
  'linear-gqa': 2 * 18 * 20,
};
/** Numbers a token if K and V of every head were cached. */
const DENSE: Readonly<Record<string, number>> = {
  tpa: 2 * 5 * 24,
  gqa: 2 * 6 * 18,
  mla: 5 * (24 + 10 + 18),
  'llama-gqa': 2 * 6 * 16,
};

for (const { name, build } of [...MECHANISM_VARIANTS, ...LLAMA_VARIANTS]) {
  test(`${name}: parameters are those of the file; caches and states have the paper's sizes`, async () => {
    const { source, tensors } = build();
    using model = await loadModel(source, { simd: 'baseline' });
    const info = model.info();
    const { layers } = model.config;
    const stored = [...tensors.values()].reduce((sum, { values }) => sum + values.length, 0);
    assert.is(info.parameters, stored);
    const { cacheBytesPerToken, stateBytes, denseCacheBytesPerToken } = info;
    if (name in CACHED) assert.is(cacheBytesPerToken, layers * 4 * CACHED[name]!);
    assert.is(stateBytes > 0, name.startsWith('linear'));
    if (name in STATES) assert.is(stateBytes, layers * 4 * STATES[name]!);
    if (name in DENSE) assert.is(denseCacheBytesPerToken, layers * 4 * DENSE[name]!);
    assert.equal(info.ignoredTensors, []);
    assert.equal(JSON.parse(JSON.stringify(info)), info);
  });
}

test('the fingerprint is that of what is computed with, whatever the context', async () => {
  const prints: string[] = [];
  const { source } = MECHANISM_VARIANTS[0]!.build();
  for (const contextLength of [256, 16]) {
    using model = await loadModel(source, { simd: 'baseline', contextLength });
    prints.push(model.info().fingerprint);
  }
  using other = await loadModel(MECHANISM_VARIANTS[0]!.build({ dtype: 'F16' }).source);
  assert.match(prints[0]!, /^[0-9a-f]{32}$/);
  assert.is(prints[1], prints[0]);
  assert.not.equal(other.info().fingerprint, prints[0]);
});

test('the dtype that is asked for, its bytes, and what it has lost', async () => {
  const { source, tensors } = llamaVariant('llama-untied').build();
  const bytes: number[] = [];
  for (const dtype of ['f32', 'q8', 'q4'] as const) {
    using model = await loadModel(source, { simd: 'baseline', backend: 'wasm', dtype });
    const info = model.info();
    assert.equal([info.dtype, info.dtypeReason, info.cacheDtype], [dtype, undefined, 'f32']);
    assert.is(
      info.weights.reduce((sum, layout) => sum + layout.tensors, 0),
      tensors.size,
    );
    assert.is(info.requantized.length, dtype === 'f32' ? 0 : 1);
    bytes.push(info.weightBytes);
  }
  assert.ok(bytes[0]! > 2.5 * bytes[1]! && bytes[1]! > 1.4 * bytes[2]!, `${bytes}`);
});

test('a tensor that the model has no use for is listed', async () => {
  const variant = MECHANISM_VARIANTS[0]!;
  const extra = { name: 'rotary.inv_freq', shape: [2], data: [1, 2] };
  const weights = fileOf([extra, ...tensorsOf(variant)]);
  using model = await loadModel({ config: variant.config, weights }, { simd: 'baseline' });
  assert.equal(model.info().ignoredTensors, ['rotary.inv_freq']);
});

test.run();
