import { attention } from './attention.ts';
import { factorize, factorizeKvOnly } from './factorize.ts';
import { matmul } from './matmul.ts';
import { BLOCK_NORM_EPS, GROUP_NORM_EPS, rmsNorm } from './rms-norm.ts';
import type { RopeConvention } from './rope.ts';
import type { RopePrecision } from './rope-table.ts';
import { swiglu } from './swiglu.ts';

/** Upstream config keys of a T6 checkpoint. */
export interface T6Config {
  n_layer: number;
  n_head: number;
  head_dim: number;
  n_embd: number;
  rank: number;
  /** Absent from TPA-KVonly. */
  q_rank?: number;
  using_groupnorm?: boolean;
  rope_theta?: number;
}

/** Weights under the upstream state-dict names. */
export type T6Weights = ReadonlyMap<string, { shape: readonly number[]; data: ArrayLike<number> }>;

/**
 * The whole model, TPA or TPA-KVonly by the tensors present, every position of one sequence.
 *
 * @returns logits (T, vocabSize) and the residual stream (T, n_embd) after each block
 */
export function t6(
  ids: ArrayLike<number>,
  weights: T6Weights,
  config: T6Config,
  ropePrecision: RopePrecision,
  convention: RopeConvention = 't6',
): { logits: Float64Array; residuals: Float64Array[] } {
  const { n_layer: layers, n_head: heads, head_dim: headDim, n_embd: dim, rank } = config;
  const wte = tensor('transformer.wte.weight'); // (vocabSize, dim)
  let x = embed();
  const residuals: Float64Array[] = [];
  for (let layer = 0; layer < layers; layer++) {
    const block = `transformer.h.${layer}`;
    x = add(x, tensorProductAttention(rmsNorm(x, dim, BLOCK_NORM_EPS), `${block}.attn`));
    x = add(x, feedForward(rmsNorm(x, dim, BLOCK_NORM_EPS), `${block}.mlp`));
    residuals.push(x);
  }
  return { logits: matmul(rmsNorm(x, dim, BLOCK_NORM_EPS), wte, dim), residuals };

  function embed(): Float64Array {
    const out = new Float64Array(ids.length * dim);
    for (let t = 0; t < ids.length; t++) {
      for (let i = 0; i < dim; i++) out[t * dim + i] = wte[ids[t]! * dim + i]!;
    }
    return out;
  }

  function tensorProductAttention(input: Float64Array, name: string): Float64Array {
    const factor = (part: string) => tensor(`${name}.c_qkv.${part}.weight`);
    const keyValueWeights = {
      wAk: factor('W_A_k'),
      wBk: factor('W_B_k'),
      wAv: factor('W_A_v'),
      wBv: factor('W_B_v'),
    };
    const spec = {
      dim,
      heads,
      headDim,
      rankK: rank,
      position: 0,
      ropePrecision,
      ropeTheta: config.rope_theta ?? 10000,
      convention,
    };
    const sizes = {
      tokens: ids.length,
      cached: ids.length,
      heads,
      headDim,
      valueDim: headDim,
      rankK: rank,
      rankV: rank,
    };
    let out: Float64Array; // (T, heads, headDim)
    if (weights.has(`${name}.c_qkv.c_q.weight`)) {
      const factors = factorizeKvOnly(input, { wQ: factor('c_q'), ...keyValueWeights }, spec);
      out = attention(factors, factors, sizes).out;
    } else {
      const rankQ = config.q_rank!;
      const queryWeights = { wAq: factor('W_A_q'), wBq: factor('W_B_q') };
      const factors = factorize(input, { ...queryWeights, ...keyValueWeights }, { ...spec, rankQ });
      out = attention({ ...factors, rankQ }, factors, sizes).out;
    }
    if (config.using_groupnorm) {
      out = rmsNorm(out, headDim, GROUP_NORM_EPS, tensor(`${name}.subln.weight`));
    }
    return matmul(out, tensor(`${name}.c_proj.weight`), heads * headDim);
  }

  function feedForward(input: Float64Array, name: string): Float64Array {
    const gate = matmul(input, tensor(`${name}.c_fc1.weight`), dim);
    const up = matmul(input, tensor(`${name}.c_fc2.weight`), dim);
    return matmul(swiglu(gate, up), tensor(`${name}.c_proj.weight`), gate.length / ids.length);
  }

  function tensor(name: string): ArrayLike<number> {
    const found = weights.get(name);
    if (found === undefined) throw new Error(`no tensor "${name}"`);
    return found.data;
  }
}

function add(a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, i) => value + b[i]!);
}
