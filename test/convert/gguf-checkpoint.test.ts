import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dequantizeQ4, dequantizeQ8 } from '../../src/convert/dequantize.ts';
import { readGgufCheckpoint } from '../../src/convert/gguf-checkpoint.ts';
import { bytesSource } from '../../src/format/byte-source.ts';
import { widenToFloat32 } from '../../src/format/half.ts';
import { buildGguf, ggufArray, ggufValue, TYPE, type GgufParts } from '../helpers/build-gguf.ts';
import { convertedBytes, tensorBytes } from '../helpers/converted.ts';
import { bytesOfFloats, ggufModel, SIZES, type GgufModel } from '../helpers/gguf-model.ts';
import { createRandom } from '../helpers/random.ts';
import { refused } from '../helpers/refused.ts';
import type { TpaErrorCode } from '../../src/errors.ts';

const read = (parts: GgufParts) => readGgufCheckpoint(bytesSource('model.gguf', buildGguf(parts)));
/** The tensors as they are written. */
async function written(model: GgufModel) {
  const { parts, weights } = ggufModel(model);
  const checkpoint = await read(parts);
  const files = await convertedBytes(checkpoint);
  return { checkpoint, weights, tensors: await tensorBytes(files.get('model.safetensors')!) };
}

/** bfloat16 by truncation, as bytes. */
const toBfloat16 = (values: Float32Array): Uint8Array =>
  new Uint8Array(
    Uint16Array.from(new Uint32Array(Float32Array.from(values).buffer), (bits) => bits >>> 16)
      .buffer,
  );

/** Blocks with random scales and random bytes. */
function blocks(seed: number, count: number, bytes: number): Uint8Array {
  const random = createRandom(seed);
  const out = new Uint8Array(count * bytes);
  for (let i = 0; i < out.length; i++) out[i] = random.integer(0, 255);
  // Scales stay finite: the exponent's highest bit is cleared.
  for (let block = 0; block < count; block++) out[block * bytes + 1]! &= 0xbf;
  return out;
}

/** Element `i` of Q8_0 blocks, by the definition. */
function q8Element(data: Uint8Array, i: number): number {
  const block = data.subarray(Math.floor(i / 32) * 34);
  const byte = block[2 + (i % 32)]!;
  return widenToFloat32(block.slice(0, 2), 'F16')[0]! * (byte < 128 ? byte : byte - 256);
}

/** Element `i` of Q4_0 blocks, by the definition. */
function q4Element(data: Uint8Array, i: number): number {
  const block = data.subarray(Math.floor(i / 32) * 18);
  const within = i % 32;
  const byte = block[2 + (within % 16)]!;
  const digit = within < 16 ? byte % 16 : Math.floor(byte / 16);
  return widenToFloat32(block.slice(0, 2), 'F16')[0]! * (digit - 8);
}

const test = suite('readGgufCheckpoint()');

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

for (const [type, blockBytes, element] of [
  ['Q8_0', 34, q8Element],
  ['Q4_0', 18, q4Element],
] as const) {
  test(`${type}: blocks become float32 exactly, rows un-permuted before`, async () => {
    const { parts } = ggufModel();
    const data = blocks(3, (SIZES.heads * SIZES.headDim * SIZES.dim) / 32, blockBytes);
    const tensors = parts.tensors.map((tensor) =>
      tensor.name === 'blk.1.attn_q.weight' ? { ...tensor, type: TYPE[type], bytes: data } : tensor,
    );
    const files = await convertedBytes(await read({ ...parts, tensors }));
    const found = (await tensorBytes(files.get('model.safetensors')!)).get(
      'model.layers.1.self_attn.q_proj.weight',
    )!;
    const values = widenToFloat32(Uint8Array.from(found.bytes), 'F32');
    assert.is(found.dtype, 'F32');
    const { headDim, dim } = SIZES;
    for (let row = 0; row < SIZES.heads * headDim; row++) {
      // Row i of a head is at 2i, row i + headDim / 2 at 2i + 1.
      const inHead = row % headDim;
      const from = row - inHead + (inHead % (headDim / 2)) * 2 + Math.floor(inHead / (headDim / 2));
      for (let column = 0; column < dim; column++) {
        assert.is(
          values[row * dim + column],
          element(data, from * dim + column),
          `${row}, ${column}`,
        );
      }
    }
  });

  test(`${type}: 300,000 blocks, more than one piece, equal the definition`, async () => {
    const data = blocks(4, 300, blockBytes);
    const values = new Float32Array(300 * 32);
    (type === 'Q8_0' ? dequantizeQ8 : dequantizeQ4)(data, values);
    for (let i = 0; i < values.length; i++) assert.is(values[i], element(data, i), `${i}`);
    const { parts } = ggufModel();
    const rows = 300_000;
    const bytes = new Uint8Array(rows * blockBytes);
    for (let at = 0; at < bytes.length; at += data.length) bytes.set(data, at);
    const tensors = parts.tensors.map((tensor) =>
      tensor.name === 'token_embd.weight'
        ? { ...tensor, type: TYPE[type], shape: [rows, 32], bytes }
        : tensor,
    );
    const { tensors: converted, config } = await read({ ...parts, tensors });
    assert.is(config['vocab_size'], rows);
    let at = 0;
    for await (const chunk of converted[0]!.chunks()) {
      const floats = new Float32Array(chunk.buffer, chunk.byteOffset, chunk.byteLength / 4);
      const start = at % values.length;
      assert.is(floats[0], values[start]);
      assert.is(floats.at(-1), values[(at + floats.length - 1) % values.length]);
      at += floats.length;
    }
    assert.is(at, rows * 32);
  });
}

test('config.json of a llama: the keys of Hugging Face, floats as they were written', async () => {
  const { parts } = ggufModel();
  const more: GgufParts['metadata'] = [
    ['llama.rope.freq_base', ggufValue(500_000.5)],
    ['tokenizer.ggml.bos_token_id', ggufValue(1)],
    ['tokenizer.ggml.eos_token_id', ggufValue(2)],
    ['tokenizer.ggml.eot_token_id', ggufValue(7)],
  ];
  const { config, generationConfig, family } = await read({
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
  const { config } = await read({ ...parts, metadata: [...parts.metadata, ...scaling] });
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
  const linear: GgufParts['metadata'] = [
    ['qwen2.rope.scaling.type', ggufValue('linear')],
    ['qwen2.rope.scaling.factor', ggufValue(2.5)],
  ];
  const second = await read({ ...parts, metadata: [...parts.metadata, ...linear] });
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

for (const [label, parts, code, message] of CASES) {
  test(`refuses ${label}, naming it`, async () => {
    const error = await refused(() => read(parts), code, label);
    assert.match(error.message, message);
  });
}

/** The divisors as the public converter makes them: float32, from wavelengths. */
function llama3Table(factor: number, theta: number): Float32Array {
  return Float32Array.from({ length: SIZES.headDim / 2 }, (_, i) => {
    const frequency = Math.fround(1 / theta ** ((2 * i) / SIZES.headDim));
    const wavelength = Math.fround((2 * Math.PI) / frequency);
    if (wavelength < 8192 / 4) return 1;
    if (wavelength > 8192) return factor;
    const smooth = (8192 / wavelength - 1) / 3;
    return 1 / ((1 - smooth) / factor + smooth);
  });
}

for (const factor of [8, 32]) {
  test(`recognises the divisors of LLaMA 3, factor ${factor}`, async () => {
    // 500,000: one wavelength of four lies in the passage.
    for (const theta of [500_000, 30_000_000]) {
      const { parts } = ggufModel();
      const table = {
        name: 'rope_freqs.weight',
        shape: [4],
        bytes: bytesOfFloats(llama3Table(factor, theta)),
      };
      const metadata = [...parts.metadata, ['llama.rope.freq_base', ggufValue(theta)] as const];
      const { config, tensors } = await read({ metadata, tensors: [...parts.tensors, table] });
      assert.equal(config['rope_scaling'], {
        rope_type: 'llama3',
        factor,
        low_freq_factor: 1,
        high_freq_factor: 4,
        original_max_position_embeddings: 8192,
      });
      assert.not(tensors.some(({ name }) => name.includes('rope')));
    }
  });
}

test('refuses other divisors, of another type or beside another scaling', async () => {
  const { parts } = ggufModel();
  const good = {
    name: 'rope_freqs.weight',
    shape: [4],
    bytes: bytesOfFloats(llama3Table(8, 10_000)),
  };
  const tables: readonly (readonly [object, TpaErrorCode])[] = [
    [{ bytes: bytesOfFloats(llama3Table(16, 10_000)) }, 'MODEL_UNSUPPORTED'],
    [{ bytes: bytesOfFloats(Float32Array.of(1, 1, 1, NaN)) }, 'MODEL_UNSUPPORTED'],
    [{ shape: [3], bytes: bytesOfFloats(new Float32Array(3)) }, 'CHECKPOINT_INVALID'],
    [{ type: TYPE.F16, bytes: new Uint8Array(8) }, 'CHECKPOINT_INVALID'],
  ];
  for (const [changes, code] of tables) {
    const tensors = [...parts.tensors, { ...good, ...changes }];
    const error = await refused(() => read({ ...parts, tensors }), code);
    assert.match(error.message, /^tensor "rope_freqs\.weight" expected /);
  }
  const metadata = [
    ...parts.metadata,
    ['llama.rope.scaling.type', ggufValue('linear')] as const,
    ['llama.rope.scaling.factor', ggufValue(2)] as const,
  ];
  await refused(() => read({ metadata, tensors: [...parts.tensors, good] }), 'CHECKPOINT_INVALID');
});

test.run();
