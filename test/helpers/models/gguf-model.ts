import { ggufValue, TYPE, type GgufData, type GgufParts } from '../files/build-gguf.ts';
import { createRandom } from '../checks/random.ts';

/** Sizes of a tiny LLaMA: 4 query heads of 8, 2 K/V heads. */
export const SIZES = {
  dim: 32,
  hiddenDim: 64,
  heads: 4,
  kvHeads: 2,
  headDim: 8,
  layers: 2,
  vocabSize: 40,
};

/** Its weights by their Hugging Face names. */
export type Weights = Map<
  string,
  { readonly shape: readonly number[]; readonly data: Float32Array }
>;

/** llama.cpp's name, ours, and the heads whose rows are permuted for `llama`. */
type Name = readonly [stored: string, name: string, shape: readonly number[], heads: number];

function names(architecture: string, usesBias: boolean, sizes: typeof SIZES): Name[] {
  const { dim, hiddenDim, heads, kvHeads, headDim, layers, vocabSize } = sizes;
  const all: Name[] = [
    ['token_embd.weight', 'model.embed_tokens.weight', [vocabSize, dim], 0],
    ['output_norm.weight', 'model.norm.weight', [dim], 0],
  ];
  for (let layer = 0; layer < layers; layer++) {
    const add = (from: string, to: string, shape: readonly number[], permuted = 0) =>
      all.push([`blk.${layer}.${from}`, `model.layers.${layer}.${to}`, shape, permuted]);
    add('attn_norm.weight', 'input_layernorm.weight', [dim]);
    add('attn_q.weight', 'self_attn.q_proj.weight', [heads * headDim, dim], heads);
    add('attn_k.weight', 'self_attn.k_proj.weight', [kvHeads * headDim, dim], kvHeads);
    add('attn_v.weight', 'self_attn.v_proj.weight', [kvHeads * headDim, dim]);
    add('attn_output.weight', 'self_attn.o_proj.weight', [dim, heads * headDim]);
    add('ffn_norm.weight', 'post_attention_layernorm.weight', [dim]);
    add('ffn_gate.weight', 'mlp.gate_proj.weight', [hiddenDim, dim]);
    add('ffn_up.weight', 'mlp.up_proj.weight', [hiddenDim, dim]);
    add('ffn_down.weight', 'mlp.down_proj.weight', [dim, hiddenDim]);
    if (usesBias) {
      add('attn_q.bias', 'self_attn.q_proj.bias', [heads * headDim], heads);
      add('attn_k.bias', 'self_attn.k_proj.bias', [kvHeads * headDim], kvHeads);
      add('attn_v.bias', 'self_attn.v_proj.bias', [kvHeads * headDim]);
      if (architecture !== 'qwen2') add('attn_output.bias', 'self_attn.o_proj.bias', [dim]);
    }
    if (architecture === 'qwen3') {
      add('attn_q_norm.weight', 'self_attn.q_norm.weight', [headDim]);
      add('attn_k_norm.weight', 'self_attn.k_norm.weight', [headDim]);
    }
  }
  return all;
}

/** What is to be built. */
export interface GgufModel {
  readonly architecture?: 'llama' | 'qwen2' | 'qwen3';
  readonly usesBias?: boolean;
  readonly hasHead?: boolean;
  readonly sizes?: typeof SIZES;
  /** How matrices are stored; vectors are F32. */
  readonly type?: number;
  readonly encode?: (values: Float32Array) => Uint8Array;
}

/** A random model: its parts as a GGUF file, and its weights as they were. */
export function ggufModel({
  architecture = 'llama',
  usesBias = architecture === 'qwen2',
  hasHead = false,
  sizes = SIZES,
  type = TYPE.F32,
  encode = bytesOfFloats,
}: GgufModel = {}): { parts: GgufParts; weights: Weights } {
  const { dim, hiddenDim, heads, kvHeads, headDim, layers, vocabSize } = sizes;
  const random = createRandom(11);
  const weights: Weights = new Map();
  const all = names(architecture, usesBias, sizes);
  if (hasHead) all.push(['output.weight', 'lm_head.weight', [vocabSize, dim], 0]);
  const tensors = all.map(([stored, name, shape, permuted]): GgufData => {
    const data = random.normal(shape.reduce((product, n) => product * n, 1));
    weights.set(name, { shape, data });
    const rows =
      architecture === 'llama' && permuted > 0 ? permuteRows(data, shape, permuted) : data;
    if (shape.length === 1) return { name: stored, shape, bytes: bytesOfFloats(rows) };
    return { name: stored, type, shape, bytes: encode(rows) };
  });
  const key = (name: string) => `${architecture}.${name}`;
  const metadata: (readonly [string, Uint8Array])[] = [
    ['general.architecture', ggufValue(architecture)],
    [key('block_count'), ggufValue(layers)],
    [key('context_length'), ggufValue(128)],
    [key('embedding_length'), ggufValue(dim)],
    [key('feed_forward_length'), ggufValue(hiddenDim)],
    [key('attention.head_count'), ggufValue(heads)],
    [key('attention.head_count_kv'), ggufValue(kvHeads)],
    [key('attention.layer_norm_rms_epsilon'), ggufValue(1e-5)],
    [key('rope.dimension_count'), ggufValue(headDim)],
  ];
  return { parts: { metadata, tensors }, weights };
}

/** Float32 elements as bytes. */
export function bytesOfFloats(values: Float32Array): Uint8Array {
  return new Uint8Array(Float32Array.from(values).buffer);
}

/**
 * What llama.cpp's converter does to a projection: view each head as (2, headDim / 2) rows, swap
 * these two axes, and view it as headDim rows again.
 */
export function permuteRows(
  data: Float32Array,
  shape: readonly number[],
  heads: number,
): Float32Array {
  const columns = data.length / shape[0]!;
  const half = shape[0]! / heads / 2;
  const out = new Float32Array(data.length);
  let row = 0;
  for (let head = 0; head < heads; head++) {
    for (let i = 0; i < half; i++) {
      for (let side = 0; side < 2; side++) {
        const from = ((head * 2 + side) * half + i) * columns;
        out.set(data.subarray(from, from + columns), row++ * columns);
      }
    }
  }
  return out;
}
