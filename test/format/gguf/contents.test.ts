import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ggufArray, ggufValue, TYPE, type GgufParts } from '../../helpers/files/build-gguf.ts';
import { convertedBytes, ggufCheckpoint, tensorBytes } from '../../helpers/files/converted.ts';
import { bytesOfFloats, ggufModel, type GgufModel } from '../../helpers/models/gguf-model.ts';
import { refused } from '../../helpers/checks/refused.ts';
import type { TpaErrorCode } from '../../../src/base/errors.ts';

/** The tensors as they are written. */
async function written(model: GgufModel) {
  const { parts, weights } = ggufModel(model);
  const checkpoint = await ggufCheckpoint(parts);
  const files = await convertedBytes(checkpoint);
  return { checkpoint, weights, tensors: await tensorBytes(files.get('model.safetensors')!) };
}

/** bfloat16 by truncation, as bytes. */
const toBfloat16 = (values: Float32Array): Uint8Array =>
  new Uint8Array(
    Uint16Array.from(new Uint32Array(Float32Array.from(values).buffer), (bits) => bits >>> 16)
      .buffer,
  );

const test = suite('readGguf()');

for (const architecture of ['llama', 'qwen2', 'qwen3'] as const) {
  test(`${architecture}, F32: every weight and bias in the rows of Hugging Face, bit-identical`, async () => {
    const { weights, tensors } = await written({ architecture, usesBias: true, hasHead: true });
    assert.equal([...tensors.keys()].toSorted(), [...weights.keys()].toSorted());
    for (const [name, { shape, data }] of weights) {
      assert.equal(
        tensors.get(name),
        { dtype: 'F32', shape, bytes: [...bytesOfFloats(data)] },
        name,
      );
    }
  });
}

test('BF16 stays BF16, un-permuted; vectors stay F32', async () => {
  const { weights, tensors } = await written({ type: TYPE.BF16, encode: toBfloat16 });
  for (const [name, { shape, data }] of weights) {
    const isVector = shape.length === 1;
    const bytes = [...(isVector ? bytesOfFloats(data) : toBfloat16(data))];
    assert.equal(tensors.get(name), { dtype: isVector ? 'F32' : 'BF16', shape, bytes }, name);
  }
});

test('config.json of a llama: the keys of Hugging Face, floats as they were written', async () => {
  const { parts } = ggufModel();
  const more: GgufParts['metadata'] = [
    ['llama.rope.freq_base', ggufValue(500_000.5)],
    ['tokenizer.ggml.bos_token_id', ggufValue(1)],
    ['tokenizer.ggml.eos_token_id', ggufValue(2)],
    ['tokenizer.ggml.eot_token_id', ggufValue(7)],
  ];
  const { config, generationConfig, family } = await ggufCheckpoint({
    ...parts,
    metadata: [...parts.metadata, ...more],
  });
  assert.is(family, 'LlamaForCausalLM');
  assert.equal(config, {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_act: 'silu',
    hidden_size: 32,
    intermediate_size: 64,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 8,
    rms_norm_eps: 1e-5,
    rope_theta: 500_000.5,
    max_position_embeddings: 128,
    vocab_size: 40,
    tie_word_embeddings: true,
    attention_bias: false,
    bos_token_id: 1,
    eos_token_id: 2,
  });
  assert.equal(generationConfig, { bos_token_id: 1, eos_token_id: [2, 7] });
});

test('config.json: untied head, biases, head size and scaling where the file has them', async () => {
  const { parts } = ggufModel({ architecture: 'qwen2', usesBias: true, hasHead: true });
  const scaling: GgufParts['metadata'] = [
    ['qwen2.attention.key_length', ggufValue(8)],
    ['qwen2.rope.scaling.type', ggufValue('yarn')],
    ['qwen2.rope.scaling.factor', ggufValue(4)],
    ['qwen2.rope.scaling.original_context_length', ggufValue(32_768)],
  ];
  const { config } = await ggufCheckpoint({ ...parts, metadata: [...parts.metadata, ...scaling] });
  const { tie_word_embeddings, attention_bias, rope_scaling, architectures, rope_theta } = config;
  assert.equal(
    [tie_word_embeddings, attention_bias, architectures, rope_theta],
    [false, true, ['Qwen2ForCausalLM'], 10_000],
  );
  assert.equal(rope_scaling, {
    rope_type: 'yarn',
    factor: 4,
    original_max_position_embeddings: 32_768,
  });
  const neutral: GgufParts['metadata'] = [
    ['qwen2.rope.scaling.attn_factor', ggufValue(1)],
    ['qwen2.rope.scaling.yarn_beta_fast', ggufValue(24)],
    ['qwen2.rope.scaling.yarn_beta_slow', ggufValue(2)],
  ];
  const knobs = await ggufCheckpoint({
    ...parts,
    metadata: [...parts.metadata, ...scaling, ...neutral],
  });
  assert.equal(knobs.config['rope_scaling'], {
    rope_type: 'yarn',
    factor: 4,
    original_max_position_embeddings: 32_768,
    beta_fast: 24,
    beta_slow: 2,
  });
  const linear: GgufParts['metadata'] = [
    ['qwen2.rope.scaling.type', ggufValue('linear')],
    ['qwen2.rope.scaling.factor', ggufValue(2.5)],
  ];
  const second = await ggufCheckpoint({ ...parts, metadata: [...parts.metadata, ...linear] });
  assert.equal(second.config['rope_scaling'], { rope_type: 'linear', factor: 2.5 });
});

/** The model with metadata put in place of its own. */
function withMetadata(...changes: GgufParts['metadata']): GgufParts {
  const { parts } = ggufModel();
  return { ...parts, metadata: [...new Map([...parts.metadata, ...changes])] };
}

/** The model without a tensor, or with one more. */
function withTensors(change: (tensors: GgufParts['tensors']) => GgufParts['tensors']): GgufParts {
  const { parts } = ggufModel();
  return { ...parts, tensors: change(parts.tensors) };
}

const extra = (name: string, length = 32) => ({
  name,
  shape: [length],
  bytes: new Uint8Array(4 * length),
});
const CASES: readonly [string, GgufParts, TpaErrorCode, RegExp][] = [
  [
    'an unknown architecture',
    withMetadata(['general.architecture', ggufValue('mamba')]),
    'MODEL_UNSUPPORTED',
    /"general\.architecture" expected llama, qwen2, qwen3, found "mamba"/,
  ],
  [
    'experts',
    withMetadata(['llama.expert_count', ggufValue(8)]),
    'MODEL_UNSUPPORTED',
    /expert_count/,
  ],
  [
    'one part of many',
    withMetadata(['split.count', ggufValue(3)]),
    'MODEL_UNSUPPORTED',
    /split\.count/,
  ],
  [
    'a scaled attention',
    withMetadata(['llama.attention.scale', ggufValue(0.125)]),
    'MODEL_UNSUPPORTED',
    /attention\.scale/,
  ],
  ...['attention.scale', 'attention.sliding_window', 'attention.clamp_kqv', 'expert_count'].map(
    (key): (typeof CASES)[number] => [
      `${key} of 1`,
      withMetadata([`llama.${key}`, ggufValue(1)]),
      'MODEL_UNSUPPORTED',
      new RegExp(`"llama\\.${key}" expected 0, found 1`),
    ],
  ),
  [
    'attention to both sides',
    withMetadata(['llama.attention.causal', ggufValue(false)]),
    'MODEL_UNSUPPORTED',
    /"llama\.attention\.causal" expected true, found false/,
  ],
  ...['attn_factor', 'yarn_attn_factor', 'yarn_ext_factor', 'yarn_log_multiplier'].map(
    (key): (typeof CASES)[number] => [
      `YaRN with a ${key} of its own`,
      withMetadata(
        ['llama.rope.scaling.type', ggufValue('yarn')],
        ['llama.rope.scaling.factor', ggufValue(4)],
        [`llama.rope.scaling.${key}`, ggufValue(0.5)],
      ),
      'MODEL_UNSUPPORTED',
      new RegExp(`"llama\\.rope\\.scaling\\.${key}" expected [01], found 0\\.5`),
    ],
  ),
  [
    'a partial rotation',
    withMetadata(['llama.rope.dimension_count', ggufValue(4)]),
    'MODEL_UNSUPPORTED',
    /rope\.dimension_count" expected 8, found 4/,
  ],
  [
    'values of another size',
    withMetadata(['llama.attention.value_length', ggufValue(16)]),
    'MODEL_UNSUPPORTED',
    /value_length/,
  ],
  [
    'a dynamic scaling',
    withMetadata(
      ['llama.rope.scaling.type', ggufValue('longrope')],
      ['llama.rope.scaling.factor', ggufValue(2)],
    ),
    'MODEL_UNSUPPORTED',
    /"longrope"/,
  ],
  [
    'a scaling without factor',
    withMetadata(['llama.rope.scaling.type', ggufValue('linear')]),
    'CHECKPOINT_INVALID',
    /scaling\.factor/,
  ],
  [
    'no norm epsilon',
    withMetadata(['llama.attention.layer_norm_rms_epsilon', ggufValue('x')]),
    'CHECKPOINT_INVALID',
    /epsilon/,
  ],
  [
    '2^31 layers',
    withMetadata(['llama.block_count', ggufValue(2 ** 31)]),
    'CHECKPOINT_INVALID',
    /block_count" expected an integer in 1\.\.16384/,
  ],
  [
    'no heads',
    withMetadata(['llama.attention.head_count', ggufValue(0)]),
    'CHECKPOINT_INVALID',
    /head_count/,
  ],
  [
    'heads that do not divide',
    withMetadata(['llama.attention.head_count', ggufValue(5)]),
    'CHECKPOINT_INVALID',
    /head size/,
  ],
  [
    'K/V heads that do not divide',
    withMetadata(['llama.attention.head_count_kv', ggufValue(3)]),
    'CHECKPOINT_INVALID',
    /K\/V heads/,
  ],
  [
    'layers of their own heads',
    withMetadata(['llama.attention.head_count_kv', ggufArray([2, 1])]),
    'CHECKPOINT_INVALID',
    /head_count_kv" expected an integer in 1\.\.4, found an array/,
  ],
  [
    'a norm missing',
    withTensors((tensors) => tensors.filter(({ name }) => name !== 'blk.1.ffn_norm.weight')),
    'CHECKPOINT_INVALID',
    /"blk\.1\.ffn_norm\.weight" expected in the file, found none/,
  ],
  [
    'the embedding missing',
    withTensors((tensors) => tensors.slice(1)),
    'CHECKPOINT_INVALID',
    /token_embd/,
  ],
  [
    'a mixture of experts',
    withTensors((tensors) => [...tensors, extra('blk.0.ffn_gate_exps.weight')]),
    'MODEL_UNSUPPORTED',
    /ffn_gate_exps/,
  ],
  [
    'a third layer',
    withTensors((tensors) => [...tensors, extra('blk.2.attn_norm.weight')]),
    'MODEL_UNSUPPORTED',
    /blk\.2\.attn_norm/,
  ],
  [
    'a layer 01',
    withTensors((tensors) => [...tensors, extra('blk.01.attn_norm.weight')]),
    'MODEL_UNSUPPORTED',
    /blk\.01/,
  ],
  [
    'query norms in a llama',
    withTensors((tensors) => [...tensors, extra('blk.0.attn_q_norm.weight', 8)]),
    'MODEL_UNSUPPORTED',
    /attn_q_norm/,
  ],
  [
    'another shape',
    withTensors(([first, second, ...others]) => [
      first!,
      { ...second!, shape: [31], bytes: new Uint8Array(124) },
      ...others,
    ]),
    'CHECKPOINT_INVALID',
    /"output_norm\.weight" expected \[32\], found \[31\]/,
  ],
  [
    'a quantised vector',
    withTensors(([first, second, ...others]) => [
      first!,
      { ...second!, type: TYPE.Q8_0, bytes: new Uint8Array(34) },
      ...others,
    ]),
    'CHECKPOINT_INVALID',
    /output_norm\.weight" expected floats, found Q8_0/,
  ],
];

/** The family with all its biases but one, and with one more. */
function biases(
  architecture: 'llama' | 'qwen2' | 'qwen3',
  change: (tensors: GgufParts['tensors']) => GgufParts['tensors'],
): GgufParts {
  const { parts } = ggufModel({ architecture, usesBias: true });
  return { ...parts, tensors: change(parts.tensors) };
}
const without =
  (lost: string) =>
  (tensors: GgufParts['tensors']): GgufParts['tensors'] =>
    tensors.filter(({ name }) => name !== lost);

const BIASES: readonly (typeof CASES)[number][] = [
  ...(['llama', 'qwen3'] as const).flatMap((family) =>
    ['blk.0.attn_output.bias', 'blk.1.attn_k.bias', 'blk.0.attn_q.bias'].map(
      (lost): (typeof CASES)[number] => [
        `${family} with every bias of attention but ${lost}`,
        biases(family, without(lost)),
        'CHECKPOINT_INVALID',
        new RegExp(`"${lost}" expected in the file, found none`),
      ],
    ),
  ),
  [
    'qwen2 without biases',
    ggufModel({ architecture: 'qwen2', usesBias: false }).parts,
    'CHECKPOINT_INVALID',
    /"blk\.0\.attn_q\.bias" expected in the file/,
  ],
  [
    'qwen2 with a bias of the output',
    biases('qwen2', (tensors) => [...tensors, extra('blk.1.attn_output.bias')]),
    'MODEL_UNSUPPORTED',
    /"blk\.1\.attn_output\.bias" expected no such bias/,
  ],
  [
    'qwen3 with a bias of the MLP',
    biases('qwen3', (tensors) => [...tensors, extra('blk.1.ffn_down.bias')]),
    'MODEL_UNSUPPORTED',
    /"blk\.1\.ffn_down\.bias" expected no such bias/,
  ],
  [
    'llama with one bias of the MLP',
    biases('llama', (tensors) => [...tensors, extra('blk.1.ffn_down.bias')]),
    'CHECKPOINT_INVALID',
    /"blk\.0\.ffn_gate\.bias" expected in the file/,
  ],
];

for (const [label, parts, code, message] of [...CASES, ...BIASES]) {
  test(`refuses ${label}, naming it`, async () => {
    const error = await refused(() => ggufCheckpoint(parts), code, label);
    assert.match(error.message, message);
  });
}

test.run();
