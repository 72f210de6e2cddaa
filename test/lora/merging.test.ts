import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { estimateModel, loadModel, type LoadOptions, type ModelSource } from '../../src/index.ts';
import { buildAdapter } from '../helpers/adapters/build-adapter.ts';
import { buildCheckpoint, type CheckpointVariant } from '../helpers/files/build-checkpoint.ts';
import { buildGguf } from '../helpers/files/build-gguf.ts';
import { llamaGguf } from '../helpers/files/llama-gguf.ts';
import { llamaVariant, LLAMA_VARIANTS } from '../helpers/models/llama-model.ts';
import { MECHANISM_VARIANTS, mechanismVariant } from '../helpers/models/mechanism-model.ts';

const test = suite('merging adapters while loading');

const MODEL = llamaVariant('tinyllama-like');
const VARIANTS: readonly CheckpointVariant[] = [...MECHANISM_VARIANTS, ...LLAMA_VARIANTS];
const OUTER = /^(?:model\.embed_tokens|transformer\.wte|lm_head)$/;
const isInner = (path: string) => !OUTER.test(path);

/** α of a module, by the patterns of a test below. */
const alphaOf = (path: string) =>
  /mlp\.(?:gate|up)_proj$/.test(path) ? 12 : path.endsWith('layers.1.self_attn.v_proj') ? 1 : 8;

/** What is computed with: the hashes of all numbers, or of all blocks. */
async function fingerprint(source: ModelSource, options: LoadOptions = {}): Promise<string> {
  using model = await loadModel(source, { backend: 'wasm', ...options });
  return model.info().fingerprint;
}

test('every mechanism, every matrix: the same bits as a checkpoint merged by hand', async () => {
  for (const { name, config, build } of VARIANTS) {
    const { source, tensors } = build();
    const adapter = buildAdapter(tensors, { has: isInner });
    const merged = buildCheckpoint(config, adapter.mergedInto(tensors)).source;
    const expected = await fingerprint(merged);
    assert.is(await fingerprint(source, { lora: [{ source: adapter.source }] }), expected, name);
    assert.is.not(await fingerprint(source), expected, name);
  }
});

test('quantised after merging: the blocks of the merged checkpoint', async () => {
  for (const { name, config, build } of [MODEL, mechanismVariant('mla'), mechanismVariant('tpa')]) {
    const { source, tensors } = build();
    const adapter = buildAdapter(tensors, { has: isInner });
    const merged = buildCheckpoint(config, adapter.mergedInto(tensors)).source;
    for (const dtype of ['q8', 'q4'] as const) {
      const found = await fingerprint(source, { dtype, lora: [{ source: adapter.source }] });
      assert.is(found, await fingerprint(merged, { dtype }), `${name} ${dtype}`);
    }
  }
});

test('checkpoints and adapters in F16 and BF16, sharded ones too', async () => {
  for (const dtype of ['F16', 'BF16'] as const) {
    const { source, tensors } = MODEL.build({ dtype, shards: 3 });
    const adapter = buildAdapter(tensors, { dtype });
    const merged = buildCheckpoint(MODEL.config, adapter.mergedInto(tensors)).source;
    const found = await fingerprint(source, { lora: [{ source: adapter.source }] });
    assert.is(found, await fingerprint(merged), dtype);
  }
});

test('embedding and output projection, which have factors of their own', async () => {
  const { source, tensors } = MODEL.build();
  const adapter = buildAdapter(tensors, { has: (path) => !isInner(path), rank: 3, alpha: 6 });
  assert.is(adapter.factors.length, 4);
  const merged = buildCheckpoint(MODEL.config, adapter.mergedInto(tensors)).source;
  const found = await fingerprint(source, { lora: [{ source: adapter.source }] });
  assert.is(found, await fingerprint(merged));
});

test('several adapters add up, each with its scale', async () => {
  const { source, tensors } = MODEL.build();
  const one = buildAdapter(tensors, { rank: 4, alpha: 8, seed: 1 });
  const other = buildAdapter(tensors, { rank: 8, alpha: 4, seed: 2, has: isInner });
  const lora = [
    { source: one.source, scale: 0.5 },
    { source: other.source, scale: -2 },
  ];
  // by hand the second is rounded on its own: a tensor that both change differs in the last bit
  const first = one.mergedInto(tensors, () => 1);
  const both = other.mergedInto(first, () => -1);
  using expected = await loadModel(buildCheckpoint(MODEL.config, both).source, { backend: 'wasm' });
  using found = await loadModel(source, { backend: 'wasm', lora });
  const ids = [1, 2, 3, 4, 5];
  const [a, b] = [await found.logits(ids), await expected.logits(ids)];
  const apart = a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0);
  assert.ok(apart < 1e-4, `${apart}`);
  assert.equal(
    found.info().adapters.map(({ scale, rank, modules }) => [scale, rank, modules]),
    [
      [0.5, 4, one.factors.length / 2],
      [-2, 8, other.factors.length / 2],
    ],
  );
  const swapped = await fingerprint(source, { lora: lora.toReversed() });
  assert.is.not(swapped, await fingerprint(source));
});

test('the same adapter twice is twice the adapter', async () => {
  const { source, tensors } = MODEL.build();
  const { source: adapter } = buildAdapter(tensors, { alpha: 4 });
  const twice = await fingerprint(source, { lora: [{ source: adapter }, { source: adapter }] });
  assert.is(twice, await fingerprint(source, { lora: [{ source: adapter, scale: 2 }] }));
});

test('a scale of 0, an α of 0 and no adapters leave the model as it is', async () => {
  const { source, tensors } = MODEL.build();
  const base = await fingerprint(source, { dtype: 'q8' });
  const none = buildAdapter(tensors, { alpha: 0 });
  const some = buildAdapter(tensors);
  for (const lora of [
    [],
    [{ source: none.source }],
    [{ source: some.source, scale: 0 }],
    [{ source: some.source, scale: -0 }],
  ]) {
    assert.is(await fingerprint(source, { dtype: 'q8', lora }), base);
  }
});

test('rank-stabilised: α / √r', async () => {
  const { source, tensors } = MODEL.build();
  const adapter = buildAdapter(tensors, { rank: 16, alpha: 8, config: { use_rslora: true } });
  const merged = adapter.mergedInto(tensors, () => 2);
  const found = await fingerprint(source, { lora: [{ source: adapter.source }] });
  assert.is(found, await fingerprint(buildCheckpoint(MODEL.config, merged).source));
});

test('patterns of ranks and of α, by names and by regular expressions', async () => {
  const { source, tensors } = MODEL.build();
  const adapter = buildAdapter(tensors, {
    rankOf: (path) => (path.endsWith('.q_proj') ? 2 : /layers\.0\..*proj$/.test(path) ? 6 : 4),
    config: {
      rank_pattern: { q_proj: 2, '^model\\.layers\\.[0]\\..*proj': 6 },
      alpha_pattern: { '.*\\.mlp\\.(gate|up)_proj': 12, 'layers.1.self_attn.v_proj': 1 },
    },
  });
  const merged = adapter.mergedInto(tensors, (path, rank) => alphaOf(path) / rank);
  const found = await fingerprint(source, { lora: [{ source: adapter.source }] });
  assert.is(found, await fingerprint(buildCheckpoint(MODEL.config, merged).source));
});

test('GGUF: what changes is rounded anew to q8, the rest keeps its codes', async () => {
  const { config, build } = MODEL;
  for (const type of ['F16', 'Q8_0', 'Q4_0'] as const) {
    const gguf = llamaGguf(config, build().tensors, type);
    const file = buildGguf(gguf.parts);
    const adapter = buildAdapter(gguf.stored, { has: (path) => path.endsWith('.v_proj') });
    const matrices = gguf.parts.tensors!.filter(({ shape }) => shape.at(-1) === 64 && shape[1]);
    const lora = [{ source: adapter.source }];
    const merged = buildCheckpoint(config, adapter.mergedInto(gguf.stored)).source;
    for (const dtype of ['f32', 'q8'] as const) {
      using found = await loadModel(file, { backend: 'wasm', dtype, lora });
      using base = await loadModel(file, { backend: 'wasm', dtype });
      assert.is.not(found.info().fingerprint, base.info().fingerprint, `${type} ${dtype}`);
      if (dtype === 'q8' && type !== 'F16') continue; // codes of 4 bits stay in the others
      assert.is(found.info().fingerprint, await fingerprint(merged, { dtype }), `${type} ${dtype}`);
    }
    using auto = await loadModel(file, { backend: 'wasm', lora });
    const { stored, requantized, weights } = auto.info();
    assert.ok(stored.types[type]! >= matrices.length, type);
    if (type === 'F16') continue;
    // beside Q and K of 4 bits, V of 8 lies in the layout that holds both
    assert.ok(
      weights.some(({ layout }) => layout.startsWith('q8')),
      type,
    );
    const changed = requantized.find(({ what }) => what === 'numbers')!;
    assert.equal([changed.type, changed.to, changed.tensors], [type, 'q8', 3]);
    const { loadedBytes, totalBytes } = await estimateModel(file, { lora });
    assert.is(loadedBytes, auto.memory().used, type);
    assert.is((await estimateModel(file, { lora, memoryLimit: 2 ** 27 })).totalBytes, totalBytes);
  }
});

test('memory grows by nothing: weights, and the same piece they stream through', async () => {
  const { source, tensors } = MODEL.build();
  const { source: adapter } = buildAdapter(tensors, { rank: 32 });
  for (const dtype of ['f32', 'q4'] as const) {
    using base = await loadModel(source, { backend: 'wasm', dtype });
    using found = await loadModel(source, { backend: 'wasm', dtype, lora: [{ source: adapter }] });
    assert.equal(found.memory(), base.memory());
    const estimate = await estimateModel(source, { dtype, lora: [{ source: adapter }] });
    assert.is(estimate.loadedBytes, found.memory().used);
  }
});

test.run();
