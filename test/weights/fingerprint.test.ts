import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Compute } from '../../src/compute/compute.ts';
import { parseConfig } from '../../src/format/config/config.ts';
import { bytesSource } from '../../src/format/files/byte-source.ts';
import { readGguf } from '../../src/format/gguf/contents.ts';
import type { ModelConfig } from '../../src/format/config/model-config.ts';
import type { ModelBytes } from '../../src/format/files/bytes-at-hand.ts';
import { type DtypeOption, WeightDtypes } from '../../src/weights/dtypes.ts';
import { fingerprintOf, type TensorIdentity } from '../../src/weights/fingerprint.ts';
import { layerTensors, tensorParts } from '../../src/weights/layer-tensors.ts';
import { loadWeights } from '../../src/weights/weights.ts';
import { createEngine } from '../../src/wasm/engine.ts';
import { buildCheckpoint } from '../helpers/files/build-checkpoint.ts';
import type { TensorData } from '../helpers/files/build-safetensors.ts';
import { convertedBytes, ggufCheckpoint } from '../helpers/files/converted.ts';
import { buildGguf } from '../helpers/files/build-gguf.ts';
import { llamaGguf } from '../helpers/files/llama-gguf.ts';
import { llamaVariant, LLAMA_VARIANTS } from '../helpers/models/llama-model.ts';
import { MECHANISM_VARIANTS, mechanismVariant } from '../helpers/models/mechanism-model.ts';
import { llamaConfig } from '../helpers/models/tiny-configs.ts';
import { TINY_JSON, tensorsOf as exactTensors, tinyConfig } from '../helpers/models/tiny-model.ts';
import { fileOf, openWeights, tensorsOf } from '../helpers/models/streamed-weights.ts';

const VARIANTS = [...MECHANISM_VARIANTS, ...LLAMA_VARIANTS];
const LLAMA = llamaVariant('llama-rope-yarn');
const BASE = llamaConfig('llama', { num_hidden_layers: 2 });
const EMBEDDING = 'transformer.wte.weight';
const HEAD = 'lm_head.weight';

const test = suite('fingerprintOf()');

async function fingerprint(
  config: object,
  weights: ModelBytes['weights'],
  pieceNumbers?: number,
  dtype: DtypeOption = 'auto',
): Promise<string> {
  const { load } = await openWeights(config, weights);
  return (await load({ dtype, pieceNumbers })).fingerprint;
}

/** Of these tensors, in the layout of a model whose tensors they replace. */
const ofTensors = (variant: { config: object }, tensors: readonly TensorData[]) =>
  fingerprint(variant.config, fileOf(tensors));

/** One for every name. */
const identities = (dtype: string) =>
  Object.assign(new Map<string, TensorIdentity>(), {
    get: () => ({ dtype, hash: '0'.repeat(32) }),
  });

test('32 hexadecimal digits, another for every model', async () => {
  const all = await Promise.all(
    VARIANTS.map(({ config, build }) => fingerprint(config, build().source.weights)),
  );
  for (const found of all) assert.match(found, /^[0-9a-f]{32}$/);
  assert.is(new Set(all).size, all.length);
});

test('stays what it was: files that name it must find their model again', async () => {
  const found = await fingerprint(TINY_JSON, fileOf(exactTensors(tinyConfig())));
  assert.is(found, 'ef956f4073842d831d1c28fd2ddbfe01');
});

test('the parts of a layer have names of their own', () => {
  for (const { config, build } of VARIANTS) {
    const entries = Array.from(build().tensors, ([name, { shape }]) => {
      const byteLength = shape.reduce((product, n) => product * n, 4);
      return [name, { name, dtype: 'F32', shape, offset: 0, byteLength }] as const;
    });
    const tensors = layerTensors(parseConfig(config, new Map(entries)), 0);
    const parts = Array.from(tensorParts(tensors), ([part]) => part);
    assert.is(new Set(parts).size, parts.length);
  }
});

test('the same for one file, shards, any order and pieces of any size', async () => {
  for (const variant of [mechanismVariant('mla'), mechanismVariant('tpa-nonctx-b'), LLAMA]) {
    const tensors = tensorsOf(variant);
    const expected = await ofTensors(variant, tensors);
    const sharded = variant.build({ shards: 3 }).source.weights;
    assert.is(await fingerprint(variant.config, sharded), expected);
    assert.is(await ofTensors(variant, tensors.toReversed()), expected);
    for (const pieceNumbers of [1, 7, 64, 333, 4096]) {
      assert.is(await fingerprint(variant.config, fileOf(tensors), pieceNumbers), expected);
    }
  }
});

for (const name of ['llama-gqa', 'llama-untied', 'qwen2', 'qwen3', 'llama-rope-linear']) {
  test(`${name}: the same for a GGUF of the same numbers, converted`, async () => {
    const { config, build } = llamaVariant(name);
    for (const type of ['F32', 'F16', 'Q8_0', 'Q4_0'] as const) {
      const { parts, stored } = llamaGguf(config, build().tensors, type);
      const files = await convertedBytes(await ggufCheckpoint(parts));
      const written = JSON.parse(new TextDecoder().decode(files.get('config.json'))) as object;
      const { source } = buildCheckpoint(config, stored);
      assert.is(
        await fingerprint(written, files.get('model.safetensors')!),
        await fingerprint(config, source.weights),
        type,
      );
    }
  });
}

test('the same for a Q8_0 file and for the float file that makes the same blocks', async () => {
  for (const name of ['llama-untied', 'qwen2', 'qwen3']) {
    const { config, build } = llamaVariant(name);
    const { parts, stored } = llamaGguf(config, build().tensors, 'Q8_0');
    const contents = await readGguf(bytesSource('model.gguf', buildGguf(parts)));
    const parsed = parseConfig(contents.config, contents.tensors.entries);
    const compute = new Compute(await createEngine({ simd: 'baseline' }));
    const dtypes = new WeightDtypes('q8', contents.tensors.entries);
    const { report, ...weights } = await loadWeights(compute, parsed, contents.tensors, { dtypes });
    // rows that are no whole blocks are floats in the file, and are quantised
    assert.ok(report.requantized.every(({ type }) => type === 'F32'));
    const { source } = buildCheckpoint(config, stored);
    const found = await fingerprint(config, source.weights, undefined, 'q8');
    assert.is(found, weights.fingerprint, name);
  }
});

test('quantised: another for every dtype, the same for any pieces and for float16 of the same numbers', async () => {
  for (const variant of [mechanismVariant('mla'), mechanismVariant('tpa-third-order'), LLAMA]) {
    const { source, tensors } = variant.build({ dtype: 'F16' });
    const wide = buildCheckpoint(variant.config, tensors).source.weights;
    const seen = new Set([await fingerprint(variant.config, wide)]);
    for (const dtype of ['q8', 'q4'] as const) {
      const expected = await fingerprint(variant.config, wide, undefined, dtype);
      assert.not.ok(seen.has(expected), dtype);
      seen.add(expected);
      for (const pieceNumbers of [1, 300, 4096]) {
        for (const weights of [wide, source.weights]) {
          const found = await fingerprint(variant.config, weights, pieceNumbers, dtype);
          assert.is(found, expected, `${dtype} in pieces of ${pieceNumbers}`);
        }
      }
    }
  }
});

test('the same for float16 and bfloat16 files and the float32 file of what they widen to', async () => {
  for (const { config, build } of [mechanismVariant('tpa'), LLAMA]) {
    const found = new Set([await fingerprint(config, build().source.weights)]);
    for (const dtype of ['F16', 'BF16'] as const) {
      const { source, tensors } = build({ dtype });
      const narrow = await fingerprint(config, source.weights);
      assert.is(await fingerprint(config, buildCheckpoint(config, tensors).source.weights), narrow);
      found.add(narrow);
    }
    assert.is(found.size, 3, 'rounding gives other numbers');
  }
});

test('another for the lowest bit of any tensor, and for any two of a shape swapped', async () => {
  for (const variant of [mechanismVariant('tpa-nonctx-a'), mechanismVariant('mla'), LLAMA]) {
    const tensors = tensorsOf(variant);
    const seen = new Set([await ofTensors(variant, tensors)]);
    const add = async (changed: readonly TensorData[], what: string) => {
      const found = await ofTensors(variant, changed);
      assert.not.ok(seen.has(found), what);
      seen.add(found);
    };
    for (const [i, tensor] of tensors.entries()) {
      const data = Float32Array.from(tensor.data);
      new Uint32Array(data.buffer)[data.length - 1]! ^= 1;
      await add(tensors.with(i, { ...tensor, data }), tensor.name);
      for (const [j, other] of tensors.slice(0, i).entries()) {
        if (other.shape.join() !== tensor.shape.join()) continue;
        const swapped = tensors.with(i, { ...tensor, data: other.data });
        await add(
          swapped.with(j, { ...other, data: tensor.data }),
          `${tensor.name}, ${other.name}`,
        );
      }
    }
  }
});

test('an output projection that is the embedding makes no difference, stored or not, tied or not', async () => {
  const variant = mechanismVariant('tpa');
  const tensors = tensorsOf(variant);
  const embedding = tensors.find(({ name }) => name === EMBEDDING)!;
  const expected = await ofTensors(variant, tensors);
  for (const stored of [
    [...tensors, { ...embedding, name: HEAD }],
    [{ ...embedding, name: HEAD }, ...tensors],
  ]) {
    assert.is(await ofTensors(variant, stored), expected);
  }

  const untied = llamaVariant('llama-untied');
  const own = tensorsOf(untied).filter(({ name }) => name !== HEAD);
  const { shape, data } = own.find(({ name }) => name === 'model.embed_tokens.weight')!;
  assert.is(
    await ofTensors(untied, [...own, { name: HEAD, shape, data }]),
    await ofTensors({ config: { ...untied.config, tie_word_embeddings: true } }, own),
  );
});

test('another for every field that changes arithmetic and every dtype, the same for other fields', async () => {
  const compute = new Compute(await createEngine({ simd: 'baseline' }));
  const { used } = compute.heap;
  const fingerprintWith = (changes: Partial<ModelConfig>, dtype = 'f32') => {
    const changed = { ...BASE, ...changes };
    return fingerprintOf(compute, changed, identities(dtype));
  };
  const expected = fingerprintWith({});
  const scaling = { type: 'linear', factor: 4 } as const;
  const seen = new Set([expected, fingerprintWith({}, 'q8')]);
  const changes: Partial<ModelConfig>[] = [
    { layers: 3 },
    { heads: 8 },
    { kvHeads: 1 },
    { headDim: 16 },
    { dim: 12 },
    { hiddenDim: 20 },
    { vocabSize: 21 },
    { rankQ: 1 },
    { rankK: 1 },
    { rankV: 1 },
    { featureFactors: 'fixed' },
    { outerDim: 2 },
    { latent: { queryRank: 1, latentDim: 2, ropeDim: 2, valueDim: 4 } },
    { latent: { queryRank: 2, latentDim: 1, ropeDim: 2, valueDim: 4 } },
    { isLinear: true },
    { usesSigmoid: true },
    { slidingWindow: { size: 8, firstLayer: 0 } },
    { slidingWindow: { size: 8, firstLayer: 1 } },
    { rotaryDim: 4 },
    { ropeTheta: 10001 },
    { ropePrecision: 'bfloat16' },
    { ropeDirection: 1 },
    { ropeDecay: 0.5 },
    { ropeScaling: scaling },
    { ropeScaling: { ...scaling, factor: 8 } },
    { normEps: 1e-6 },
    { usesGroupNorm: true },
    { usesQueryKeyNorm: true },
    { hasQkvBias: true },
    { hasOutputBias: true },
    { hasMlpBias: true },
    { hasNormWeights: false },
  ];
  for (const change of changes) {
    const found = fingerprintWith(change);
    assert.not.ok(seen.has(found), JSON.stringify(change));
    seen.add(found);
  }
  for (const change of [
    { contextLength: 7 },
    { eosTokenIds: [3] },
    { ignoredKeys: ['torch_dtype'] },
    { mechanism: 'mha' },
    { normEps: Math.fround(BASE.normEps) },
  ] as const) {
    assert.is(fingerprintWith(change), expected, JSON.stringify(change));
  }
  // however the object was made
  assert.is(
    fingerprintWith({ ropeScaling: { factor: 4, type: 'linear' } }),
    fingerprintWith({ ropeScaling: scaling }),
  );
  assert.is(compute.heap.used, used);
});

test.run();
