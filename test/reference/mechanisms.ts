// Models in the layout of T6 whose attention differs: the variants of "Tensor Product Attention Is
// All You Need" (arXiv 2501.06425: sections 3.2 to 3.5 and appendix C) and of its public code.
import { groupedAttention } from './attention.ts';
import { matmul } from './matmul.ts';
import type { MechanismBreak } from './mechanism-breaks.ts';
import { mechanismSettings } from './mechanism-config.ts';
import { layerHeads } from './mechanism-heads.ts';
import { add, embed, valuesOf, type NamedTensors } from './named-tensors.ts';
import { BLOCK_NORM_EPS, GROUP_NORM_EPS, rmsNorm } from './rms-norm.ts';
import { swiglu } from './swiglu.ts';

/** Settings of {@link mechanismLogits}. */
export interface MechanismOptions {
  /** A convention to get wrong, to show that a test would see it. */
  break?: MechanismBreak;
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
  const { layers, dim } = mechanismSettings(config, tensors);
  const embedding = valuesOf(tensors, 'transformer.wte.weight');
  let x = embed(ids, embedding, dim);
  for (let layer = 0; layer < layers; layer++) {
    const normed = rmsNorm(x, dim, BLOCK_NORM_EPS);
    x = add(x, mechanismAttention(config, tensors, normed, layer, options));
    x = add(x, feedForward(rmsNorm(x, dim, BLOCK_NORM_EPS), `transformer.h.${layer}.mlp`));
  }
  return matmul(rmsNorm(x, dim, BLOCK_NORM_EPS), embedding, dim);

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
 * @returns (T, n_embd), c_proj done
 */
function mechanismAttention(
  config: object,
  tensors: NamedTensors,
  x: Float64Array,
  layer: number,
  options: MechanismOptions = {},
): Float64Array {
  const broken = options.break;
  const settings = breakRotation(mechanismSettings(config, tensors), broken);
  const { heads, headDim, dim, hasGroupNorm } = settings;
  const name = `transformer.h.${layer}.attn`;
  const { q, k, v, kvHeads, keyDim, valueDim } = layerHeads(x, name, tensors, settings, broken);
  const isLinear = settings.isLinear && broken !== 'softmax';
  const tokens = x.length / dim;
  const { out } = groupedAttention(
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
  const normed = groupNorm(linearMean(out));
  const projection = valuesOf(tensors, `${name}.c_proj.weight`);
  return matmul(normed, projection, heads * valueDim);

  function scale(): number {
    if (isLinear && broken !== 'linear-scale') return 1;
    return 1 / Math.sqrt(broken === 'mla-scale' ? headDim : keyDim);
  }

  function linearMean(sums: Float64Array): Float64Array {
    if (!isLinear || broken !== 'linear-mean') return sums;
    return sums.map((value, i) => value / (1 + Math.floor(i / (heads * valueDim))));
  }

  function groupNorm(rows: Float64Array): Float64Array {
    if (!hasGroupNorm || broken === 'group-norm') return rows;
    const weight = valuesOf(tensors, `${name}.subln.weight`);
    const used = broken === 'group-norm-weight' ? undefined : weight;
    return rmsNorm(rows, valueDim, GROUP_NORM_EPS, used);
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
