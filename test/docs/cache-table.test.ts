import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CACHE_DTYPES } from '../../src/layout/cache-dtype.ts';
import { parseConfig } from '../../src/format/config/config.ts';
import { cacheSizes } from '../../src/model/cache-sizes.ts';
import { attention, MLA_SHAPES } from '../helpers/models/tiny-configs.ts';
import { read } from './blocks.ts';

const T6 = { model_type: 't6', vocab_size: 50_304, head_dim: 64, block_size: 2048, q_rank: 6 };
const SMALL = { ...T6, n_layer: 12, n_head: 34, n_embd: 768, rank: 2 };
const LLAMA = {
  model_type: 'llama',
  vocab_size: 32_000,
  hidden_size: 2048,
  intermediate_size: 5632,
  num_hidden_layers: 22,
  num_attention_heads: 32,
  max_position_embeddings: 2048,
  rms_norm_eps: 1e-5,
  hidden_act: 'silu',
};
const MLA = {
  ...T6,
  n_layer: 12,
  n_head: 12,
  n_embd: 768,
  q_lora_rank: 384,
  kv_lora_rank: 512,
  qk_rope_head_dim: 32,
  v_head_dim: 64,
};
const FACTORS = attention(['c_qkv.W_A_q.weight']);

/** Models by what docs/cache.md calls them. */
const MODELS = new Map([
  ['T6-small (TPA, 34 heads, ranks 2)', parseConfig(SMALL, FACTORS)],
  ['t6-stories, shipped (TPA, 8 heads, ranks 2)', parseConfig(stories(), FACTORS)],
  ['LLaMA of TinyLlama’s sizes (GQA, 4 K/V heads)', parseConfig(llama(4), new Map())],
  ['the same with MHA (32 K/V heads)', parseConfig(llama(32), new Map())],
  ['the same with MQA (1 K/V head)', parseConfig(llama(1), new Map())],
  ['T6-small’s width with MLA (latent 512, key 32)', parseConfig(MLA, attention([], MLA_SHAPES))],
]);

const test = suite('docs/cache.md');

test('says what a token takes by each dtype', () => {
  const told = read('docs/cache.md')
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) => line.split('|').slice(1, -1))
    .map((cells) => cells.map((cell) => cell.trim()));
  const rows = Array.from(MODELS, ([name, config]) => {
    const bytes = CACHE_DTYPES.map((dtype) => cacheSizes(config, dtype).cacheBytesPerToken);
    const share = (bytes[0]! / bytes[2]!).toFixed(2);
    return [name, ...bytes.map((count) => count.toLocaleString('en-US')), `${share} ×`];
  });
  for (const row of rows)
    assert.equal(
      told.find(([name]) => name === row[0]),
      row,
    );
});

test.run();

function stories(): object {
  return {
    ...T6,
    vocab_size: 512,
    head_dim: 32,
    n_layer: 6,
    n_head: 8,
    n_embd: 192,
    rank: 2,
    q_rank: 4,
  };
}

function llama(kvHeads: number): object {
  return { ...LLAMA, num_key_value_heads: kvHeads };
}
