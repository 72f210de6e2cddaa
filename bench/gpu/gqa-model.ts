import type { ModelConfig } from '../../src/format/config/model-config.ts';
import { feedForward } from '../../src/backend/webgpu/graph/step-graph.ts';
import { GraphBuilder } from '../../src/backend/webgpu/graph/graph-builder.ts';
import { WeightInputs, type WeightSpec } from '../../src/backend/webgpu/graph/weight-inputs.ts';

/** The cached sides of a layer. */
export const SIDES = ['key', 'value'] as const;

/**
 * One step of a model with K/V heads as an ONNX graph around onnxruntime's own
 * GroupQueryAttention, rotation and append included: what a user of that runtime would run.
 *
 * Inputs, float32 unless said: `x` (T, dim) embedded tokens; `cos_cache` and `sin_cache`
 * (positions, headDim / 2) of every position; `seqlens_k` (1) int32, the index of the last token;
 * `total_sequence_length` (1) int32, past and new tokens; `rows` (n) int32, the tokens whose
 * logits are wanted; every weight under its name in NamedMatrix;
 * `past.{key|value}.{layer}` (1, kvHeads, capacity, headDim).
 *
 * Outputs: `logits` (n, vocabSize); `present.{key|value}.{layer}` like the past, and to be bound to
 * the same buffer: the operator then appends in place.
 */
export function gqaModelGraph(config: ModelConfig, weights: readonly WeightSpec[]): Uint8Array {
  const g = new GraphBuilder();
  const all = new WeightInputs(g, weights, false);
  const { layers, dim, vocabSize, hiddenDim, normEps } = config;
  const norm = (w: WeightInputs, x: string, name: string) =>
    g.rmsNorm(x, w.get(name) ?? g.ones(dim), normEps);
  let x = g.input('x', ['T', dim]);
  for (let layer = 0; layer < layers; layer++) {
    const w = all.ofLayer(layer);
    const projected = w.product(norm(w, x, 'attention_norm'), 'projection');
    x = g.add(x, w.product(attention(g, config, layer, projected), 'output'));
    x = g.add(x, feedForward(w, norm(w, x, 'feed_forward_norm'), hiddenDim));
  }
  const wanted = g.node('Gather', [x, g.input('rows', ['n'], 'int32')], { axis: 0 });
  g.output('logits', all.product(norm(all, wanted, 'final_norm'), 'head'), ['n', vocabSize]);
  return g.build().model;
}

/** Each head's output (tokens, heads · headDim) of q, k and v side by side. */
function attention(
  g: GraphBuilder,
  { heads, kvHeads, headDim }: ModelConfig,
  layer: number,
  projected: string,
): string {
  const cached = [1, kvHeads, 'C', headDim];
  const tables = ['positions', headDim / 2];
  const width = (heads + 2 * kvHeads) * headDim;
  const [attended, ...present] = g.nodeWithOutputs(
    'GroupQueryAttention',
    3,
    [
      g.reshape(projected, 1, -1, width),
      '',
      '',
      ...SIDES.map((side) => g.input(`past.${side}.${layer}`, cached)),
      g.input('seqlens_k', [1], 'int32'),
      g.input('total_sequence_length', [1], 'int32'),
      g.input('cos_cache', tables),
      g.input('sin_cache', tables),
    ],
    { num_heads: heads, kv_num_heads: kvHeads, do_rotary: 1 },
    'com.microsoft',
  );
  for (const [i, side] of SIDES.entries()) {
    g.output(`present.${side}.${layer}`, present[i]!, cached);
  }
  return g.reshape(attended!, -1, heads * headDim);
}

/**
 * Tables of positions 0 … count as the operator wants them: it rotates the other way than T6.
 *
 * @param rope cosines and sines (count, headDim / 2)
 */
export function gqaTables(
  { ropeDirection }: Pick<ModelConfig, 'ropeDirection'>,
  rope: { readonly cos: Float32Array; readonly sin: Float32Array },
): { cos: Float32Array; sin: Float32Array } {
  return { cos: rope.cos, sin: rope.sin.map((value) => -ropeDirection * value) };
}
