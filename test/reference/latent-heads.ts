// Multi-head latent attention: DeepSeek-V2, arXiv 2405.04434, section 2.1, in the layout of the
// upstream TPA repository's model/llama-mla.py.
import { numberIn } from './json-record.ts';
import { matmul } from './matmul.ts';
import type { MechanismBreak } from './mechanism-breaks.ts';
import type { MechanismSettings } from './mechanism-config.ts';
import type { Heads } from './mechanism-heads.ts';
import { rotate } from './mechanism-rope.ts';
import { valuesOf, type NamedTensors } from './named-tensors.ts';
import { rmsNorm } from './rms-norm.ts';

/** eps of the norms of both latents. */
const LATENT_NORM_EPS = 1e-6;

/** Queries, keys and values of x (T, dim) through their latents, everything materialised. */
export function latentHeads(
  x: Float64Array,
  attention: string,
  tensors: NamedTensors,
  { heads, headDim, dim, rotation, json }: MechanismSettings,
  broken?: MechanismBreak,
): Heads {
  const tokens = x.length / dim;
  const ropeDim = numberIn(json, 'qk_rope_head_dim');
  const valueDim = numberIn(json, 'v_head_dim');
  const keyDim = headDim + ropeDim;
  const latentDim = numberIn(json, 'kv_lora_rank');

  const queryLatent = latentNorm(project(x, 'q_a_proj', dim), 'q_a_layernorm');
  const queries = project(queryLatent, 'q_b_proj', queryLatent.length / tokens);
  const [qPlain, qTurned] = split(queries, heads, [headDim, ropeDim]);
  const [latent, keyTurned] = split(project(x, 'kv_a_proj_with_mqa', dim), 1, [latentDim, ropeDim]);
  const upProjected = project(latentNorm(latent, 'kv_a_layernorm'), 'kv_b_proj', latentDim);
  const [kPlain, v] = split(upProjected, heads, [headDim, valueDim]);

  const q = join(qPlain, turn(qTurned, heads, false), heads);
  const shared =
    broken === 'mla-shared-norm' ? rmsNorm(keyTurned, ropeDim, LATENT_NORM_EPS) : keyTurned;
  const k = join(kPlain, everyHead(turn(shared, 1, true)), heads);
  return { q, k, v, kvHeads: heads, keyDim, valueDim };

  function project(input: Float64Array, name: string, inputs: number): Float64Array {
    return matmul(input, valuesOf(tensors, `${attention}.${name}.weight`), inputs);
  }

  function latentNorm(input: Float64Array, name: string): Float64Array {
    if (broken === 'mla-norm') return input;
    const weight = valuesOf(tensors, `${attention}.${name}.weight`);
    return rmsNorm(input, weight.length, LATENT_NORM_EPS, weight);
  }

  function turn(input: Float64Array, rows: number, isKey: boolean): Float64Array {
    return rotate(input, { rows, width: ropeDim }, rotation, broken, isKey);
  }

  /** (T, 1, ropeDim) as (T, heads, ropeDim) */
  function everyHead(one: Float64Array): Float64Array {
    return Float64Array.from({ length: heads * one.length }, (_, index) => {
      const token = Math.floor(index / (heads * ropeDim));
      return one[token * ropeDim + (index % ropeDim)]!;
    });
  }

  /** Rows (T, rows, sum of widths) as two arrays of rows. */
  function split(
    input: Float64Array,
    rows: number,
    widths: [number, number],
  ): [Float64Array, Float64Array] {
    const isSwapped = broken === 'mla-order' && widths[1] === ropeDim;
    const [first, second] = isSwapped ? [widths[1], widths[0]] : widths;
    const heading = new Float64Array(tokens * rows * first);
    const trailing = new Float64Array(tokens * rows * second);
    for (let row = 0; row < tokens * rows; row++) {
      const start = row * (first + second);
      heading.set(input.subarray(start, start + first), row * first);
      trailing.set(input.subarray(start + first, start + first + second), row * second);
    }
    return isSwapped ? [trailing, heading] : [heading, trailing];
  }

  /** Rows (T, rows, headDim) and (T, rows, ropeDim) end to end. */
  function join(plain: Float64Array, turned: Float64Array, rows: number): Float64Array {
    const out = new Float64Array(tokens * rows * keyDim);
    for (let row = 0; row < tokens * rows; row++) {
      out.set(plain.subarray(row * headDim, (row + 1) * headDim), row * keyDim);
      out.set(turned.subarray(row * ropeDim, (row + 1) * ropeDim), row * keyDim + headDim);
    }
    return out;
  }
}
