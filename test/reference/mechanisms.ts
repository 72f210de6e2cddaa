// Models in the layout of T6 whose attention differs: the variants of "Tensor Product Attention Is
// All You Need" (arXiv 2501.06425: sections 3.2 to 3.5 and appendix C) and of its public code.
import { groupedAttention } from './grouped-attention.ts';
import { matmul } from './matmul.ts';
import type { MechanismBreak } from './mechanism-breaks.ts';
import { mechanismSettings } from './mechanism-config.ts';
import { layerHeads } from './mechanism-heads.ts';
import { add, embed, valuesOf, type NamedTensors } from './named-tensors.ts';
import { BLOCK_NORM_EPS, GROUP_NORM_EPS, rmsNorm } from './rms-norm.ts';
import { swiglu } from './swiglu.ts';

/** Settings of {@link mechanismForward}. */
export interface MechanismOptions {
  /** A convention to get wrong, to show that a test would see it. */
  break?: MechanismBreak;
}

/** What {@link mechanismForward} found. */
export interface MechanismResult {
  /** (T, vocab) */
  logits: Float64Array;
  /** The residual stream (T, n_embd) after each block. */
  residuals: Float64Array[];
  /** Largest |attention logit| of all layers. */
  maxProduct: number;
}

/**
 * Logits (T, vocab) in float64 of a model in the layout of T6, from its config.json and the
 * tensors under their state-dict names.
 */
export function mechanismLogits(
  config: object,
  tensors: NamedTensors,
  ids: ArrayLike<number>,
  options: MechanismOptions = {},
): Float64Array {
  return mechanismForward(config, tensors, ids, options).logits;
}

/** {@link mechanismLogits} together with what happened on the way. */
export function mechanismForward(
  config: object,
  tensors: NamedTensors,
  ids: ArrayLike<number>,
  options: MechanismOptions = {},
): MechanismResult {
  const { layers, dim } = mechanismSettings(config, tensors);
  const embedding = valuesOf(tensors, 'transformer.wte.weight');
  const residuals: Float64Array[] = [];
  let maxProduct = 0;
  let x = embed(ids, embedding, dim);
  for (let layer = 0; layer < layers; layer++) {
    const attention = mechanismAttention(
      config,
      tensors,
      rmsNorm(x, dim, BLOCK_NORM_EPS),
      layer,
      options,
    );
    maxProduct = Math.max(maxProduct, attention.maxProduct);
    x = add(x, attention.out);
    x = add(x, feedForward(rmsNorm(x, dim, BLOCK_NORM_EPS), `transformer.h.${layer}.mlp`));
    residuals.push(x);
  }
  const logits = matmul(rmsNorm(x, dim, BLOCK_NORM_EPS), embedding, dim);
  return { logits, residuals, maxProduct };

  function feedForward(input: Float64Array, name: string): Float64Array {
    const layer = (part: string) => valuesOf(tensors, `${name}.${part}.weight`);
    const gate = matmul(input, layer('c_fc1'), dim);
    const inner = swiglu(gate, matmul(input, layer('c_fc2'), dim));
    return matmul(inner, layer('c_proj'), gate.length / ids.length);
  }
}

/**
 * One attention layer on its normed input x (T, n_embd) from position 0 on.
 *
 * @returns out (T, n_embd), c_proj done, and the largest |attention logit|
 */
export function mechanismAttention(
  config: object,
  tensors: NamedTensors,
  x: Float64Array,
  layer: number,
  options: MechanismOptions = {},
): { out: Float64Array; maxProduct: number } {
  const broken = options.break;
  const settings = breakRotation(mechanismSettings(config, tensors), broken);
  const { heads, headDim, dim, hasGroupNorm } = settings;
  const name = `transformer.h.${layer}.attn`;
  const { q, k, v, kvHeads, keyDim, valueDim } = layerHeads(x, name, tensors, settings, broken);
  const isLinear = settings.isLinear && broken !== 'softmax';
  const tokens = x.length / dim;
  const attended = groupedAttention(
    q,
    k,
    v,
    { tokens, heads, kvHeads, headDim: keyDim, valueDim },
    {
      scale: scale(),
      weights: isLinear ? 'linear' : 'softmax',
      kvHeadOf: broken === 'grouping' ? (head) => head % kvHeads : undefined,
    },
  );
  const normed = groupNorm(linearMean(attended.out));
  const projection = valuesOf(tensors, `${name}.c_proj.weight`);
  return { out: matmul(normed, projection, heads * valueDim), maxProduct: attended.maxProduct };

  function scale(): number {
    if (isLinear && broken !== 'linear-scale') return 1;
    return 1 / Math.sqrt(broken === 'mla-scale' ? headDim : keyDim);
  }

  function linearMean(out: Float64Array): Float64Array {
    if (!isLinear || broken !== 'linear-mean') return out;
    return out.map((value, i) => value / (1 + Math.floor(i / (heads * valueDim))));
  }

  function groupNorm(out: Float64Array): Float64Array {
    if (!hasGroupNorm || broken === 'group-norm') return out;
    const weight = valuesOf(tensors, `${name}.subln.weight`);
    const used = broken === 'group-norm-weight' ? undefined : weight;
    return rmsNorm(out, valueDim, GROUP_NORM_EPS, used);
  }
}

type Settings = ReturnType<typeof mechanismSettings>;

function breakRotation(settings: Settings, broken: MechanismBreak | undefined): Settings {
  const { rotation } = settings;
  if (broken === 'theta') return { ...settings, rotation: { ...rotation, theta: 10000 } };
  if (broken !== 'rope-precision') return settings;
  const precision = rotation.precision === 'bfloat16' ? 'float32' : 'bfloat16';
  return { ...settings, rotation: { ...rotation, precision } };
}
