import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfig } from '../../src/format/config.ts';
import { CANARY, refused } from '../helpers/refused.ts';
import { TINY_JSON, tensorNames, tinyConfig } from '../helpers/tiny-model.ts';
import type { TensorEntry } from '../../src/format/safetensors.ts';

const test = suite('parseConfig() of other models');

/** A parse of the tiny config under these changes. */
function parse(changes: Record<string, unknown>): unknown {
  return parseConfig({ ...TINY_JSON, ...changes }, tensorNames());
}

test('refuses other mechanisms and families by name', async () => {
  const table: [Record<string, unknown>, string][] = [
    ...['mha', 'mqa', 'gqa', 'mla'].map((name): [Record<string, unknown>, string] => [
      { attention: name },
      name,
    ]),
    [{ model_type: 'llama' }, 'llama'],
    [{ model_type: 'gpt2', architectures: ['GPT2LMHeadModel'] }, 'gpt2lmhead'],
    [{ architectures: ['LlamaForCausalLM'] }, 'llama'],
    [{ architectures: 'Qwen2ForCausalLM' }, 'qwen'],
    [{ model_type: 'deepseek_v3' }, 'deepseek'],
    [{ model_type: 'gpt_neox' }, 'gptneo'],
  ];
  for (const [changes, name] of table) {
    const error = await refused(() => parse(changes), 'MODEL_UNSUPPORTED', name);
    assert.is(error.data['found'], name);
    assert.match(error.message, name);
  }
  for (const model_type of ['t6', 'tpa', 'gpt2', CANARY, 5])
    parse({ model_type, architectures: ['GPT'] });
  const llama = { model_type: 'llama', hidden_size: 64, num_attention_heads: 4 };
  await refused(() => parseConfig(llama, new Map()), 'MODEL_UNSUPPORTED');
});

test('refuses keys that change the computation, accepts their neutral values', async () => {
  const odd = {
    bias: true,
    tie_word_embeddings: false,
    rope_partial_factor: 0.5,
    rope_decay_base: 0.9,
  };
  for (const [key, value] of Object.entries({ ...odd, rope_scaling: { type: CANARY } })) {
    const error = await refused(() => parse({ [key]: value }), 'MODEL_UNSUPPORTED', key);
    assert.is(error.data['path'], key);
    assert.match(error.message, key);
  }
  const neutral = {
    bias: false,
    tie_word_embeddings: true,
    rope_partial_factor: 1,
    rope_decay_base: 1,
  };
  assert.equal(tinyConfig({ ...neutral, rope_scaling: null }), tinyConfig());
});

test('tells the mechanism from the tensors and checks it against "attention"', async () => {
  const kvonly = tinyConfig({ q_rank: 0 }, 'tpa-kvonly');
  assert.equal([kvonly.mechanism, kvonly.rankQ, kvonly.ignoredKeys], ['tpa-kvonly', 0, ['q_rank']]);
  assert.is(tinyConfig({ attention: 'tpa' }).mechanism, 'tpa');
  assert.is(tinyConfig({ attention: 'tpa-kvonly' }, 'tpa-kvonly').mechanism, 'tpa-kvonly');
  await refused(() => tinyConfig({ attention: 'tpa-kvonly' }), 'MODEL_MISMATCH');
  await refused(() => tinyConfig({ attention: 'tpa' }, 'tpa-kvonly'), 'MODEL_MISMATCH');
  const both = new Map([...tensorNames(), ...tensorNames('tpa-kvonly')]);
  await refused(() => parseConfig(TINY_JSON, both), 'MODEL_MISMATCH');
  await refused(() => parseConfig(TINY_JSON, new Map()), 'MODEL_MISMATCH');
});

test('refuses foreign tensor layouts by name', async () => {
  const entry = { dtype: 'F32', shape: [1], offset: 0, byteLength: 4 };
  const table = {
    'transformer.h.0.attn.c_k.weight': 'mha, gqa or mqa',
    'transformer.h.0.attn.kv_a_proj_with_mqa.weight': 'mla',
    'model.layers.0.self_attn.q_proj.weight': 'LLaMA',
    '_orig_mod.transformer.wte.weight': '_orig_mod.',
  };
  for (const [name, shown] of Object.entries(table)) {
    const names = new Map<string, TensorEntry>([[name, { name, ...entry }]]);
    const error = await refused(() => parseConfig(TINY_JSON, names), 'MODEL_UNSUPPORTED', name);
    assert.ok(error.message.includes(shown), error.message);
  }
});

test.run();
