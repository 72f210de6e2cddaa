import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseConfig } from '../../../src/format/config/config.ts';
import { CANARY, refused } from '../../helpers/checks/refused.ts';
import {
  LLAMA_TENSORS,
  entries,
  llamaConfig,
  llamaJson,
} from '../../helpers/models/tiny-configs.ts';
import { TINY_JSON, tensorNames } from '../../helpers/models/tiny-model.ts';
import type { Family, Json } from '../../helpers/models/tiny-configs.ts';

const test = suite('parseConfig() tells the family');

/** A parse of the tiny T6 config under these changes. */
function parse(changes: Json): unknown {
  return parseConfig({ ...TINY_JSON, ...changes }, tensorNames());
}

const FAMILIES: readonly Family[] = ['llama', 'mistral', 'qwen2', 'qwen3'];

test('the four families are LLaMA by model_type, by architectures or by both', () => {
  for (const family of FAMILIES) {
    assert.is(llamaConfig(family).layout, 'llama');
    assert.is(llamaConfig(family, { model_type: undefined }).layout, 'llama');
    assert.is(llamaConfig(family, { architectures: null }).layout, 'llama');
    assert.is(llamaConfig(family).usesQueryKeyNorm, family === 'qwen3');
    // without tensors too: the check of all tensors names the first that is missing
    assert.is(parseConfig(llamaJson(family), new Map()).layout, 'llama');
  }
});

test('other families are refused by name, with T6 tensors or with those of LLaMA', async () => {
  const names = (
    'qwen2_moe qwen3_moe qwen2_vl Qwen2MoeForCausalLM mixtral ministral llama4 mllama ' +
    'LlamaForSequenceClassification LlamaModel LLAMA gemma3_text phi3 deepseek_v3 gpt_neox ' +
    'GPT2LMHeadModel smollm3'
  ).split(' ');
  for (const name of names) {
    for (const changes of [
      { model_type: name, architectures: undefined },
      { model_type: name },
      { architectures: [name], model_type: undefined },
      { architectures: name },
    ]) {
      const label = JSON.stringify(changes);
      const t6 = await refused(() => parse(changes), 'MODEL_UNSUPPORTED', label, { found: name });
      assert.ok(t6.message.includes(name), t6.message);
      const llama = await refused(() => llamaConfig('llama', changes), 'MODEL_UNSUPPORTED', label);
      assert.is(llama.data['found'], name);
    }
  }
});

test('an unknown family is a T6 by its tensors; with those of LLaMA it is refused by name', async () => {
  for (const model_type of ['t6', 'tpa', 'gpt2', CANARY]) {
    parse({ model_type, architectures: ['GPT'] });
  }
  const changes = { model_type: 'arcee', architectures: ['ArceeForCausalLM'] };
  await refused(() => llamaConfig('llama', changes), 'MODEL_UNSUPPORTED', { found: 'arcee' });
  const none = { model_type: undefined, architectures: undefined };
  await refused(() => llamaConfig('llama', none), 'CONFIG_INVALID', { path: 'model_type' });
  const long = { model_type: `x\n"${'y'.repeat(200)}` };
  await refused(() => llamaConfig('llama', long), 'MODEL_UNSUPPORTED');
});

test('model_type and architectures have to agree', async () => {
  for (const a of FAMILIES) {
    for (const b of FAMILIES.filter((name) => name !== a)) {
      const changes = { architectures: llamaJson(b)['architectures'] };
      await refused(() => llamaConfig(a, changes), 'MODEL_UNSUPPORTED', `${a} ${b}`);
    }
  }
  const two = { architectures: ['LlamaForCausalLM', 'Qwen2ForCausalLM'] };
  await refused(() => llamaConfig('llama', two), 'MODEL_UNSUPPORTED');
  await refused(() => llamaConfig('llama', { model_type: 't6' }), 'MODEL_UNSUPPORTED');
});

test('a LLaMA family with the tensors of a T6 is a mismatch that names both', async () => {
  for (const model_type of FAMILIES) {
    const error = await refused(() => parse({ model_type }), 'MODEL_MISMATCH');
    assert.equal(error.data, { expected: model_type, found: 't6' });
  }
});

test('model_type and architectures that are no strings are refused', async () => {
  const many = Array.from({ length: 17 }, () => 'GPT');
  const table: Json[] = [
    { model_type: 5 },
    { model_type: ['llama'] },
    { model_type: true },
    { architectures: [5] },
    { architectures: [['LlamaForCausalLM']] },
    { architectures: {} },
    { architectures: many },
  ];
  for (const changes of table) {
    for (const run of [() => parse(changes), () => llamaConfig('llama', changes)]) {
      const error = await refused(run, 'CONFIG_INVALID', JSON.stringify(changes));
      assert.is(error.data['path'], Object.keys(changes)[0]);
    }
  }
});

test('foreign tensor layouts are refused by name', async () => {
  const table = {
    'transformer.h.0.attn.c_attn.weight': 'GPT-2',
    '_orig_mod.transformer.wte.weight': '_orig_mod.',
    'module.model.layers.0.self_attn.q_proj.weight': 'module.',
  };
  for (const [name, shown] of Object.entries(table)) {
    const tensors = entries({ [name]: [1] });
    const error = await refused(() => parseConfig(TINY_JSON, tensors), 'MODEL_UNSUPPORTED', name);
    assert.ok(error.message.includes(shown), error.message);
  }
  await refused(() => parseConfig(TINY_JSON, LLAMA_TENSORS), 'MODEL_UNSUPPORTED', { found: 't6' });
});

test.run();
