import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  ggufArray,
  ggufValue,
  TYPE,
  VALUE,
  type GgufParts,
} from '../../helpers/files/build-gguf.ts';
import { bytesOf, littleEndian } from '../../helpers/files/bytes.ts';
import { convertedBytes, ggufCheckpoint, tensorBytes } from '../../helpers/files/converted.ts';
import { bytesOfFloats, ggufModel, type GgufModel } from '../../helpers/models/gguf-model.ts';
import { refused } from '../../helpers/checks/refused.ts';

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

test('a token id of -1, signed or not, is none', async () => {
  const { parts } = ggufModel();
  const none = bytesOf(littleEndian(VALUE.i32, 4), littleEndian(-1, 4));
  const metadata: GgufParts['metadata'] = [
    ...parts.metadata,
    ['tokenizer.ggml.bos_token_id', none],
    ['tokenizer.ggml.eos_token_id', ggufValue(2)],
    ['tokenizer.ggml.eot_token_id', ggufValue(2 ** 32 - 1)],
  ];
  const { config, generationConfig } = await ggufCheckpoint({ ...parts, metadata });
  assert.equal([config['bos_token_id'], config['eos_token_id']], [undefined, 2]);
  assert.is(generationConfig, undefined);
});

test('tokens that end a turn by their names, where they are control tokens', async () => {
  const { parts } = ggufModel();
  const tokens = ['a', '</s>', '<|eot_id|>', '<|im_end|>', '<|endoftext|>'];
  const metadata: GgufParts['metadata'] = [
    ...parts.metadata,
    ['tokenizer.ggml.tokens', ggufArray(tokens)],
    ['tokenizer.ggml.token_type', ggufArray([1, 3, 3, 1, 3])],
    ['tokenizer.ggml.eos_token_id', ggufValue(1)],
  ];
  const { generationConfig } = await ggufCheckpoint({ ...parts, metadata });
  assert.equal(generationConfig, { eos_token_id: [1, 2, 4] });
});

test('a sliding window as long as the context is none', async () => {
  const { config } = await ggufCheckpoint(withMetadata({ 'llama.attention.sliding_window': 128 }));
  assert.is(config['sliding_window'], undefined);
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
function withMetadata(changes: Readonly<Record<string, number | string | boolean>>): GgufParts {
  const { parts } = ggufModel();
  const values = Object.entries(changes).map(([key, value]) => [key, ggufValue(value)] as const);
  return { ...parts, metadata: [...new Map([...parts.metadata, ...values])] };
}

type Tensors = GgufParts['tensors'];

/** The model with its tensors changed, those of a family with all its biases where one is named. */
function withTensors(
  change: (tensors: Tensors) => Tensors,
  architecture?: 'llama' | 'qwen2' | 'qwen3',
): GgufParts {
  const { parts } = ggufModel(architecture && { architecture, usesBias: true });
  return { ...parts, tensors: change(parts.tensors) };
}

const without =
  (lost: string) =>
  (tensors: Tensors): Tensors =>
    tensors.filter(({ name }) => name !== lost);
const adding =
  (name: string, length = 32) =>
  (tensors: Tensors): Tensors => [
    ...tensors,
    { name, shape: [length], bytes: new Uint8Array(4 * length) },
  ];
const norm = (changes: Partial<Tensors[number]>) =>
  withTensors(([first, second, ...others]) => [first!, { ...second!, ...changes }, ...others]);

const yarn = { 'llama.rope.scaling.type': 'yarn', 'llama.rope.scaling.factor': 4 };
const dynamic = { 'llama.rope.scaling.type': 'dynamic', 'llama.rope.scaling.factor': 2 };
const KV_HEADS = 'llama.attention.head_count_kv';
const layered = withMetadata({});

/** Sound files that are not converted, and what the message names. */
const UNSUPPORTED: (readonly [GgufParts, RegExp])[] = [
  [
    withMetadata({ 'general.architecture': 'mamba' }),
    /"general\.architecture" expected llama, qwen2, qwen3, found "mamba"/,
  ],
  [withMetadata({ 'llama.expert_count': 8 }), /expert_count/],
  [withMetadata({ 'llama.attention.scale': 0.125 }), /attention\.scale/],
  [
    withMetadata({ 'llama.attention.causal': false }),
    /"llama\.attention\.causal" expected true, found false/,
  ],
  [withMetadata({ 'llama.rope.dimension_count': 4 }), /rope\.dimension_count" expected 8, found 4/],
  [withMetadata({ 'llama.attention.value_length': 16 }), /value_length/],
  [withMetadata(dynamic), /"dynamic"/],
  [withTensors(adding('blk.0.ffn_gate_exps.weight')), /ffn_gate_exps/],
  [withTensors(adding('blk.2.attn_norm.weight')), /blk\.2\.attn_norm/],
  [withTensors(adding('blk.01.attn_norm.weight')), /blk\.01/],
  [withTensors(adding('blk.0.attn_q_norm.weight', 8)), /attn_q_norm/],
  [
    withTensors(adding('blk.1.attn_output.bias'), 'qwen2'),
    /"blk\.1\.attn_output\.bias" expected no such bias/,
  ],
  [
    withTensors(adding('blk.1.ffn_down.bias'), 'qwen3'),
    /"blk\.1\.ffn_down\.bias" expected no such bias/,
  ],
];
UNSUPPORTED.push([withMetadata({ 'llama.attention.sliding_window': 127 }), /sliding_window/]);
for (const key of ['attention.scale', 'attention.sliding_window', 'attention.clamp_kqv']) {
  const message = new RegExp(`"llama\\.${key}" expected 0, found 1`);
  UNSUPPORTED.push([withMetadata({ [`llama.${key}`]: 1 }), message]);
}
UNSUPPORTED.push([
  withMetadata({ 'llama.expert_count': 1 }),
  /"llama\.expert_count" expected 0, found 1/,
]);
for (const key of ['attn_factor', 'yarn_attn_factor', 'yarn_ext_factor', 'yarn_log_multiplier']) {
  const message = new RegExp(`"llama\\.rope\\.scaling\\.${key}" expected [01], found 0\\.5`);
  UNSUPPORTED.push([withMetadata({ ...yarn, [`llama.rope.scaling.${key}`]: 0.5 }), message]);
}

/** Files that break the format, and what the message names. */
const INVALID: (readonly [GgufParts, RegExp])[] = [
  [withMetadata({ 'split.count': 3 }), /expected a whole model, found part 1 of 3: pass all parts/],
  [withMetadata({ 'llama.rope.scaling.type': 'linear' }), /scaling\.factor/],
  [withMetadata({ 'llama.attention.layer_norm_rms_epsilon': 'x' }), /epsilon/],
  [
    withMetadata({ 'llama.block_count': 2 ** 31 }),
    /block_count" expected an integer in 1\.\.16384/,
  ],
  [withMetadata({ 'llama.attention.head_count': 0 }), /head_count/],
  [withMetadata({ 'llama.attention.head_count': 5 }), /head size/],
  [withMetadata({ 'llama.attention.head_count_kv': 3 }), /K\/V heads/],
  [
    {
      ...layered,
      metadata: [...new Map([...layered.metadata, [KV_HEADS, ggufArray([2, 1])]])],
    },
    /head_count_kv" expected an integer in 1\.\.4, found an array/,
  ],
  [
    withTensors(without('blk.1.ffn_norm.weight')),
    /"blk\.1\.ffn_norm\.weight" expected in the file, found none/,
  ],
  [withTensors((tensors) => tensors.slice(1)), /token_embd/],
  [
    norm({ shape: [31], bytes: new Uint8Array(124) }),
    /"output_norm\.weight" expected \[32\], found \[31\]/,
  ],
  [
    norm({ type: TYPE.Q8_0, bytes: new Uint8Array(34) }),
    /output_norm\.weight" expected a vector in F32, F16 or BF16, found Q8_0/,
  ],
  [
    ggufModel({ architecture: 'qwen2', usesBias: false }).parts,
    /"blk\.0\.attn_q\.bias" expected in the file/,
  ],
  [
    withTensors(adding('blk.1.ffn_down.bias'), 'llama'),
    /"blk\.0\.ffn_gate\.bias" expected in the file/,
  ],
];
for (const family of ['llama', 'qwen3'] as const) {
  for (const lost of ['blk.0.attn_output.bias', 'blk.1.attn_k.bias', 'blk.0.attn_q.bias']) {
    const message = new RegExp(`"${lost}" expected in the file, found none`);
    INVALID.push([withTensors(without(lost), family), message]);
  }
}

for (const [code, cases] of [
  ['MODEL_UNSUPPORTED', UNSUPPORTED],
  ['CHECKPOINT_INVALID', INVALID],
] as const) {
  for (const [parts, message] of cases) {
    test(`${code}, naming ${String(message)}`, async () => {
      assert.match((await refused(() => ggufCheckpoint(parts), code)).message, message);
    });
  }
}

test.run();
