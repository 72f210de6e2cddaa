// LlamaForCausalLM, MistralForCausalLM, Qwen2ForCausalLM and Qwen3ForCausalLM as the Transformers
// model documentation defines them: RMSNorm (Zhang and Sennrich, arXiv 1910.07467), RoPE in halves
// (arXiv 2104.09864), grouped queries (Ainslie et al., arXiv 2305.13245), SwiGLU (Shazeer, arXiv
// 2002.05202), sliding windows (Mistral 7B, arXiv 2310.06825), norms of q and k (Qwen3, arXiv
// 2505.09388).
import { groupedAttention } from './attention.ts';
import { breakSettings, type LlamaBreak } from './llama-breaks.ts';
import { llamaSettings } from './llama-config.ts';
import { llamaFrequencies, llamaRopeTable } from './llama-rope.ts';
import { matmul } from './matmul.ts';
import { add, embed, valuesOf, type NamedTensors } from './named-tensors.ts';
import { rmsNorm } from './rms-norm.ts';
import { rope } from './rope.ts';
import { swiglu } from './swiglu.ts';

/**
 * Logits (T, vocab) of a LLaMA-family checkpoint in float64, from its config.json and the tensors
 * under their Hugging Face names.
 *
 * @param options `break` is a convention to get wrong, to show that a test would see it
 */
export function llamaLogits(
  config: object,
  tensors: NamedTensors,
  ids: ArrayLike<number>,
  { break: broken }: { break?: LlamaBreak } = {},
): Float64Array {
  const settings = breakSettings(llamaSettings(config), broken);
  const { dim, heads, kvHeads, headDim, normEps } = settings;
  const frequencies = llamaFrequencies(settings);
  if (broken === 'attention-factor') frequencies.attentionFactor = 1;
  const table = llamaRopeTable(ids.length, frequencies);
  const embedding = valuesOf(tensors, 'model.embed_tokens.weight');
  let x = embed(ids, embedding, dim);
  for (let layer = 0; layer < settings.layers; layer++) {
    const block = `model.layers.${layer}`;
    x = add(x, attend(norm(x, `${block}.input_layernorm`), `${block}.self_attn`, layer));
    x = add(x, feedForward(norm(x, `${block}.post_attention_layernorm`), `${block}.mlp`));
  }
  const output = settings.isTied ? embedding : valuesOf(tensors, 'lm_head.weight');
  return matmul(norm(x, 'model.norm'), output, dim);

  function norm(input: Float64Array, name: string): Float64Array {
    const weight = valuesOf(tensors, `${name}.weight`);
    return rmsNorm(input, dim, normEps, broken === 'norm-weight' ? undefined : weight);
  }

  function attend(input: Float64Array, name: string, layer: number): Float64Array {
    const { hasInputBias, hasOutputBias } = settings;
    const q = rotated(linear(input, dim, `${name}.q_proj`, hasInputBias), heads, `${name}.q_norm`);
    const k = rotated(
      linear(input, dim, `${name}.k_proj`, hasInputBias),
      kvHeads,
      `${name}.k_norm`,
    );
    const v = linear(input, dim, `${name}.v_proj`, hasInputBias);
    const window = settings.windows[layer];
    const sizes = { tokens: ids.length, heads, kvHeads, headDim, valueDim: headDim, window };
    const { out } = groupedAttention(q, k, v, sizes, {
      scale: 1 / Math.sqrt(broken === 'attention-scale' ? dim / heads : headDim),
      kvHeadOf: broken === 'grouping' ? (head) => head % kvHeads : undefined,
    });
    return linear(out, heads * headDim, `${name}.o_proj`, hasOutputBias);
  }

  /** Head norm and RoPE of q or k (T, rows, headDim). */
  function rotated(projected: Float64Array, rows: number, normName: string): Float64Array {
    const shape = { tokens: ids.length, rows, headDim };
    const turn = (input: Float64Array) =>
      rope(
        broken === 'rotation-interleaved' ? pairsToHalves(input, headDim) : input,
        table,
        shape,
        broken === 'rotation-sign' ? 't6' : 'llama',
      );
    if (!settings.hasHeadNorm) return turn(projected);
    const weight = valuesOf(tensors, `${normName}.weight`);
    const headNorm = (input: Float64Array) => rmsNorm(input, headDim, normEps, weight);
    return broken === 'norm-order' ? headNorm(turn(projected)) : turn(headNorm(projected));
  }

  function feedForward(input: Float64Array, name: string): Float64Array {
    const { hasMlpBias } = settings;
    const gate = linear(input, dim, `${name}.gate_proj`, hasMlpBias);
    const up = linear(input, dim, `${name}.up_proj`, hasMlpBias);
    const inner = broken === 'gate-order' ? swiglu(up, gate) : swiglu(gate, up);
    return linear(inner, gate.length / ids.length, `${name}.down_proj`, hasMlpBias);
  }

  function linear(
    input: Float64Array,
    inputs: number,
    name: string,
    hasBias: boolean,
  ): Float64Array {
    const out = matmul(input, valuesOf(tensors, `${name}.weight`), inputs);
    if (!hasBias) return out;
    const bias = valuesOf(tensors, `${name}.bias`);
    return out.map((value, i) => value + bias[i % bias.length]!);
  }
}

/** Every row [a0 b0 a1 b1 …] as [a0 a1 … | b0 b1 …]: what rotating neighbours amounts to. */
function pairsToHalves(x: Float64Array, headDim: number): Float64Array {
  return x.map((_, index) => {
    const feature = index % headDim;
    const half = headDim / 2;
    const from = feature < half ? 2 * feature : 2 * (feature - half) + 1;
    return x[index - feature + from]!;
  });
}
