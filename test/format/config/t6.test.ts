import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { refused } from '../../helpers/checks/refused.ts';
import { MLA_SHAPES, attention, t6Config } from '../../helpers/models/tiny-configs.ts';
import type { Json } from '../../helpers/models/tiny-configs.ts';

const test = suite('parseConfig() of the T6 layout');

/** A grouped model of 6 heads of 4 features whose c_k has `rows`. */
function grouped(rows: readonly number[], changes: Json = {}): ReturnType<typeof t6Config> {
  const tensors = attention(['c_q.weight'], { 'c_k.weight': rows });
  return t6Config(tensors, { n_head: 6, n_embd: 24, ...changes });
}

/** MLA with some shapes changed. */
function mla(
  shapes: Partial<Record<keyof typeof MLA_SHAPES, number[]>>,
  changes: Json = {},
): ReturnType<typeof t6Config> {
  return t6Config(attention([], { ...MLA_SHAPES, ...shapes }), changes);
}

test('K/V heads are the rows of c_k by head_dim; group_size has to agree', async () => {
  for (const [kvHeads, mechanism] of [
    [1, 'mqa'],
    [2, 'gqa'],
    [3, 'gqa'],
    [6, 'mha'],
  ] as const) {
    for (const group_size of [undefined, 6 / kvHeads]) {
      const config = grouped([4 * kvHeads, 24], { group_size });
      const { rankK, rankV, rankQ } = config;
      assert.equal([config.mechanism, config.kvHeads], [mechanism, kvHeads]);
      assert.equal([rankK, rankV, rankQ], [kvHeads, kvHeads, 0]);
    }
  }
  for (const rows of [[16, 24], [48, 24], [6, 24], [0, 24], [2, 24], []]) {
    const error = await refused(() => grouped(rows), 'MODEL_MISMATCH', String(rows));
    assert.is(error.data['tensor'], 'transformer.h.0.attn.c_k.weight');
    assert.is(error.data['found'], `[${rows.join(', ')}]`);
  }
  const other = await refused(() => grouped([12, 24], { group_size: 3 }), 'MODEL_MISMATCH');
  assert.match(other.message, /expected 8 rows, found \[12, 24\]/);
  for (const group_size of [0, 4, 7, '3']) {
    const error = await refused(() => grouped([12, 24], { group_size }), 'CONFIG_INVALID');
    assert.is(error.data['path'], 'group_size');
  }
});

test('without c_k the K/V heads are those of group_size, else all', () => {
  const query = attention(['c_q.weight']);
  assert.is(t6Config(query, { group_size: 2 }).kvHeads, 2);
  assert.is(t6Config(query).kvHeads, 4);
});

test('head_dim of MHA is n_embd / n_head where it is left out', async () => {
  const config = grouped([24, 24], { head_dim: undefined });
  assert.equal([config.headDim, config.mechanism], [4, 'mha']);
  for (const n_embd of [25, 18, 6]) {
    const run = (): unknown => grouped([24, 24], { head_dim: undefined, n_embd });
    assert.is((await refused(run, 'CONFIG_INVALID', `${n_embd}`)).data['path'], 'head_dim');
  }
  await refused(() => t6Config('tpa', { head_dim: undefined }), 'CONFIG_INVALID');
  assert.equal(t6Config('mha').ignoredKeys, ['rank', 'q_rank', 'c_dim']);
});

test('MLA: sizes come from the keys, from the shapes where a key is missing', () => {
  const stated = {
    q_lora_rank: 512,
    kv_lora_rank: 256,
    qk_rope_head_dim: 32,
    v_head_dim: 64,
  };
  const told = { queryRank: 10, latentDim: 6, ropeDim: 2, valueDim: 8 };
  assert.equal(mla({}).latent, told);
  assert.equal(mla({}, stated).latent, {
    queryRank: 512,
    latentDim: 256,
    ropeDim: 32,
    valueDim: 64,
  });
  assert.equal(mla({}, { q_lora_rank: 9 }).latent, { ...told, queryRank: 9 });
  assert.equal(mla({}, { v_head_dim: 9 }).latent, { ...told, valueDim: 9 });
  assert.is(mla({}).rotaryDim, 2);
  assert.is(mla({}).headDim, 4);
});

test('MLA: shapes that tell no size are refused by name, missing tensors by their key', async () => {
  const shapes: [Parameters<typeof mla>[0], string][] = [
    [{ 'q_a_proj.weight': [] }, 'q_a_proj'],
    [{ 'q_a_proj.weight': [2 ** 31, 1] }, 'q_a_proj'],
    [{ 'kv_b_proj.weight': [48] }, 'kv_b_proj'],
    [{ 'kv_b_proj.weight': [47, 6] }, 'kv_b_proj'],
    [{ 'kv_b_proj.weight': [16, 6] }, 'kv_b_proj'],
    [{ 'kv_a_proj_with_mqa.weight': [6, 12] }, 'kv_a_proj_with_mqa'],
  ];
  for (const [changes, name] of shapes) {
    const error = await refused(() => mla(changes), 'MODEL_MISMATCH', JSON.stringify(changes));
    assert.is(error.data['tensor'], `transformer.h.0.attn.${name}.weight`);
  }
  const only = attention(['q_a_layernorm.weight']);
  await refused(() => t6Config(only), 'CONFIG_INVALID', { path: 'q_lora_rank' });
  for (const [key, value] of Object.entries({
    q_lora_rank: 0,
    kv_lora_rank: 1.5,
    qk_rope_head_dim: 3,
    v_head_dim: '8',
  })) {
    await refused(() => mla({}, { [key]: value }), 'CONFIG_INVALID', key, { path: key });
  }
  const odd = { 'kv_a_proj_with_mqa.weight': [9, 12] };
  assert.is((await refused(() => mla(odd), 'CONFIG_INVALID')).data['path'], 'qk_rope_head_dim');
});

test('what upstream has broken or lacks is refused by key: group norm, partial RoPE with MLA', async () => {
  const table: [Parameters<typeof t6Config>[0], Json][] = [
    ['mla', { using_groupnorm: true }],
    ['mla', { rope_partial_factor: 0.5 }],
    ['tpa-third-order', { rope_partial_factor: 0.5 }],
    ['tpa', { bias: true }],
    ['tpa', { tie_word_embeddings: false }],
    ['tpa', { rope_scaling: { type: 'linear', factor: 2 } }],
  ];
  for (const [kind, changes] of table) {
    const label = JSON.stringify(changes);
    const error = await refused(() => t6Config(kind, changes), 'MODEL_UNSUPPORTED', label);
    const [key = ''] = Object.keys(changes);
    assert.is(error.data['path'], key);
    assert.ok(error.message.includes(key), error.message);
  }
  const neutral = {
    bias: false,
    tie_word_embeddings: true,
    rope_partial_factor: 1,
    rope_decay_base: 1,
    rope_scaling: null,
  };
  for (const kind of ['tpa', 'mla', 'tpa-third-order'] as const) {
    assert.equal(t6Config(kind, neutral), t6Config(kind));
  }
});

test('rope_partial_factor: rotaryDim is floor(head_dim f) made even, at least 2', async () => {
  const table: [number, number, number][] = [
    [64, 1, 64],
    [64, 0.5, 32],
    [24, 1 / 3, 8],
    [16, 1 / 3, 4], // floor 5, even 4
    [16, 0.4375, 6], // floor 7, even 6
    [18, 0.999, 16],
    [4, 0.5, 2],
  ];
  for (const [head_dim, rope_partial_factor, rotaryDim] of table) {
    const config = t6Config('tpa', { head_dim, rope_partial_factor });
    assert.is(config.rotaryDim, rotaryDim, `${head_dim} ${rope_partial_factor}`);
    assert.is(config.ropePrecision, 'float32');
  }
  for (const rope_partial_factor of [0, -0.5, 1.01, 0.49, 1e-300, '1']) {
    const run = (): unknown => t6Config('tpa', { rope_partial_factor });
    const error = await refused(run, 'CONFIG_INVALID', String(rope_partial_factor));
    assert.is(error.data['path'], 'rope_partial_factor');
  }
  assert.is(t6Config('mqa', { rope_partial_factor: 0.5 }).rotaryDim, 2);
});

const precision = (changes: Json): string =>
  t6Config('tpa', { rope_precision: undefined, ...changes }).ropePrecision;

test('rope_decay_base other than 1 makes float32 the default precision', async () => {
  assert.is(precision({}), 'bfloat16');
  assert.is(precision({ rope_decay_base: 1 }), 'bfloat16');
  assert.is(precision({ rope_partial_factor: 0.5 }), 'bfloat16');
  assert.is(precision({ rope_decay_base: 0.98 }), 'float32');
  assert.is(precision({ rope_decay_base: 0.98, rope_precision: 'bfloat16' }), 'bfloat16');
  assert.is(t6Config('tpa', { rope_decay_base: 0.98 }).ropeDecay, 0.98);
  // as float32 it would be 0, whose logarithm is not finite
  for (const rope_decay_base of [0, -1, 1.5, 1e-60]) {
    await refused(() => t6Config('tpa', { rope_decay_base }), 'CONFIG_INVALID');
  }
});

/** A model of 6 heads, 24 wide, whose c_q and c_k have so many rows. */
const dense = (queryRows: number, keyRows: number, head_dim: unknown) => {
  const names = { 'c_q.weight': [queryRows, 24], 'c_k.weight': [keyRows, 24] };
  return t6Config(attention([], names), { n_head: 6, n_embd: 24, head_dim });
};

test('head_dim of MHA is what its tensors say, as upstream ignores the key; of GQA it counts', async () => {
  // upstream's MHA, whatever the key says
  for (const head_dim of [undefined, 4, 64]) {
    const { headDim, mechanism, rotaryDim } = dense(24, 24, head_dim);
    assert.equal([headDim, mechanism, rotaryDim], [4, 'mha', 4], String(head_dim));
  }
  assert.ok(dense(24, 24, 64).ignoredKeys.includes('head_dim'));
  assert.not(dense(24, 24, 4).ignoredKeys.includes('head_dim'));
  // heads · head_dim beside n_embd: told by c_q where the key is left out
  assert.is(dense(48, 48, undefined).headDim, 8);
  assert.equal([dense(48, 16, undefined).headDim, dense(48, 16, undefined).kvHeads], [8, 2]);
  // no upstream code writes these: the key counts, and the shapes are refused by checkTensors
  await refused(() => dense(48, 48, 4), 'MODEL_MISMATCH', /c_k\.weight/);
  assert.is(dense(24, 8, 8).headDim, 8);
});

test('head_dim of MHA is still an even integer', async () => {
  for (const head_dim of [0, 2.5, '64', 2 ** 31]) {
    await refused(() => dense(24, 24, head_dim), 'CONFIG_INVALID', { path: 'head_dim' });
  }
  await refused(() => dense(18, 18, undefined), 'CONFIG_INVALID', { path: 'head_dim' });
});

const outer = (c_dim: unknown, head_dim = 12): ReturnType<typeof t6Config> =>
  t6Config('tpa-third-order', { c_dim, head_dim });

test('third order: c_dim leaves b an even number of features', async () => {
  assert.equal([outer(1).outerDim, outer(2).outerDim, outer(6).outerDim], [1, 2, 6]);
  assert.equal([outer(1).rotaryDim, outer(2).rotaryDim, outer(6).rotaryDim], [12, 6, 2]);
  for (const c_dim of [0, 4, 5, 12, 24, '2', undefined]) {
    await refused(() => outer(c_dim), 'CONFIG_INVALID', String(c_dim), { path: 'c_dim' });
  }
  assert.is(t6Config('tpa', { c_dim: 5 }).outerDim, 1);
});

test.run();
