import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../src/index.ts';
import { assertSame, maxAbsDiff } from '../helpers/checks/close.ts';
import { loadGolden } from '../helpers/checks/golden.ts';
import { refused } from '../helpers/checks/refused.ts';
import { buildCheckpoint } from '../helpers/files/build-checkpoint.ts';
import { llamaVariant } from '../helpers/models/llama-model.ts';
import { goldenSource } from '../helpers/models/t6-model.ts';

const test = suite('configurations that say the same in other words');

type Json = Readonly<Record<string, unknown>>;

/** More than a block of queries. */
const IDS = Array.from({ length: 60 }, (_, i) => (i * 37 + 5) % 97);

const { config: LLAMA, ...llama } = llamaVariant('llama-untied');

/** Logits of one model, some keys of its config.json changed. */
async function logits(changes: Json, contextLength?: number): Promise<Float32Array> {
  const { tensors } = llama.build();
  const { source } = buildCheckpoint({ ...LLAMA, ...changes }, tensors);
  using model = await loadModel(source, {
    simd: 'baseline',
    ...(contextLength === undefined ? {} : { contextLength }),
  });
  return await model.logits(IDS);
}

const LLAMA3 = {
  rope_type: 'llama3',
  factor: 8,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 64,
};
/** For 8 pairs of features; the context of 256 is longer than the original one of 128. */
const LONG = {
  type: 'longrope',
  short_factor: [1, 1, 1, 1, 1, 1, 1, 1],
  long_factor: [1, 1.2, 2, 3.5, 8, 16, 28, 60],
  original_max_position_embeddings: 128,
};

test('RoPE said twice computes as said once', async () => {
  const old = { rope_theta: 5e5, rope_scaling: LLAMA3 };
  const parameters = { ...LLAMA3, rope_theta: 5e5 };
  const expected = await logits(old);
  for (const changes of [
    { ...old, rope_parameters: parameters },
    { rope_theta: undefined, rope_scaling: undefined, rope_parameters: parameters },
    { rope_theta: undefined, rope_scaling: LLAMA3, rope_parameters: parameters },
  ]) {
    assertSame(await logits(changes), expected, JSON.stringify(changes));
  }
});

test('dynamic NTK computes as plain RoPE up to the end of its context', async () => {
  const plain = await logits({ max_position_embeddings: IDS.length });
  const dynamic = { rope_scaling: { type: 'dynamic', factor: 4 } };
  assertSame(await logits({ ...dynamic, max_position_embeddings: IDS.length }), plain, 'dynamic');
});

test('longrope: short factors of 1 and no factor of attention are plain RoPE, long ones are not', async () => {
  const plain = await logits({});
  const scaling = { rope_scaling: { ...LONG, attention_factor: 1 } };
  assertSame(await logits(scaling, 128), plain, 'short');
  // the same model with room for more: one list of factors for all that is cached
  assert.ok(maxAbsDiff(await logits(scaling, 129), plain) > 0.01);
  assertSame(await logits(scaling, 129), await logits(scaling), 'long');
});

test('keys that change no arithmetic are ignored, whatever they say', async () => {
  const plain = await logits({});
  const noise = {
    pretraining_tp: 4,
    attention_dropout: 0.1,
    hidden_dropout: null,
    initializer_range: 'wide',
    use_cache: false,
    torch_dtype: 'float8',
    dtype: null,
    max_window_layers: -1,
    sliding_window: 17,
    use_sliding_window: true,
    layer_types: ['full_attention', 'full_attention'],
    pad_token_id: -1,
    bos_token_id: null,
    eos_token_id: -1,
    hidden_act: 'swish',
    attn_logit_softcapping: 0,
    no_rope_layers: [1, 1],
    query_pre_attn_scalar: 16,
  };
  assertSame(await logits(noise), plain, 'noise');
});

test('upstream MHA with another head_dim in its config computes as without', async () => {
  const golden = loadGolden('model_llama_mha');
  const run = async (head_dim: number | undefined) => {
    using model = await loadModel(goldenSource(golden, 'bf16', { head_dim }), { simd: 'baseline' });
    return await model.logits([1, 2, 3, 4, 5]);
  };
  // n_embd / n_head
  const expected = await run(16);
  for (const head_dim of [undefined, 8, 64]) assertSame(await run(head_dim), expected, 'mha');
});

test('a contradicting head_dim that upstream could not have written is refused', async () => {
  const golden = loadGolden('model_llama_gqa');
  for (const head_dim of [8, 64]) {
    const run = () => loadModel(goldenSource(golden, 'bf16', { head_dim }));
    await refused(run, 'MODEL_MISMATCH', /transformer\.h\.0\.attn\.c_[qk]\.weight/);
  }
});

test.run();
