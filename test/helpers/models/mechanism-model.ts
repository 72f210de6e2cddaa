import type { MechanismBreak } from '../../reference/mechanism-breaks.ts';
import {
  buildCheckpoint,
  type CheckpointTensors,
  type CheckpointVariant,
  variantNamed,
} from '../files/build-checkpoint.ts';
import { MECHANISM_CONFIGS, type MechanismConfigFile } from './mechanism-configs.ts';
import { createRandom } from '../checks/random.ts';

/** A small T6-layout model and the breaks that must move its logits. */
export interface MechanismVariant extends CheckpointVariant {
  readonly config: Readonly<Record<string, unknown>>;
  readonly breaks: readonly MechanismBreak[];
}

/** Small random models in the layout of T6, one for every mechanism. */
export const MECHANISM_VARIANTS: readonly MechanismVariant[] = MECHANISM_CONFIGS.map(
  (file, index) => ({
    name: file.name,
    config: file.config,
    breaks: file.breaks,
    build: (options) => buildCheckpoint(file.config, randomTensors(file, index + 101), options),
  }),
);

/** The variant of this name. @throws Error where there is none */
export const mechanismVariant = (name: string): MechanismVariant =>
  variantNamed(MECHANISM_VARIANTS, name);

/** The tensors of a random T6 with contextual factors, of the sizes of its config.json. */
export function randomT6(config: MechanismConfigFile['config'], seed: number): CheckpointTensors {
  return randomTensors({ name: 'tpa', config, form: 'factors', breaks: [] }, seed);
}

/** Standard deviations of what a tensor's product gives, so that every convention shows. */
const DEVIATION = {
  /** of an embedding: small beside the blocks, or greedy text would repeat one token */
  embedding: 0.12,
  /** of a query or key feature: attention logits up to 5 or 10 */
  query: 1.5,
  value: 1,
  /** of what a block adds to the residual stream */
  block: 0.5,
};

function randomTensors(file: MechanismConfigFile, seed: number): CheckpointTensors {
  const { config, form, kvHeads = 1 } = file;
  const size = (key: string) => config[key] as number;
  const dim = size('n_embd');
  const heads = size('n_head');
  const headDim = size('head_dim');
  const valueDim = form === 'mla' ? size('v_head_dim') : headDim;
  const innerDim = Math.floor((8 / 3) * dim);
  const random = createRandom(seed);
  const tensors: CheckpointTensors = new Map();

  set('transformer.wte.weight', [size('vocab_size'), dim], DEVIATION.embedding);
  for (let layer = 0; layer < size('n_layer'); layer++) {
    const name = `transformer.h.${layer}.attn`;
    if (form === 'mla') latent(name);
    else if (form === 'dense') dense(name);
    else factored(`${name}.c_qkv`);
    if (config['using_groupnorm'] === true) norm(`${name}.subln`, headDim);
    linear(`${name}.c_proj`, dim, heads * valueDim, DEVIATION.block / outputDeviation());
    const feedForward = `transformer.h.${layer}.mlp`;
    linear(`${feedForward}.c_fc1`, innerDim, dim, 1);
    linear(`${feedForward}.c_fc2`, innerDim, dim, 1);
    linear(`${feedForward}.c_proj`, dim, innerDim, 2 * DEVIATION.block);
  }
  return tensors;

  function latent(name: string): void {
    const ropeDim = size('qk_rope_head_dim');
    linear(`${name}.q_a_proj`, size('q_lora_rank'), dim, 1);
    norm(`${name}.q_a_layernorm`, size('q_lora_rank'));
    linear(`${name}.q_b_proj`, heads * (headDim + ropeDim), size('q_lora_rank'), DEVIATION.query);
    linear(`${name}.kv_a_proj_with_mqa`, size('kv_lora_rank') + ropeDim, dim, DEVIATION.query);
    norm(`${name}.kv_a_layernorm`, size('kv_lora_rank'));
    linear(
      `${name}.kv_b_proj`,
      heads * (headDim + valueDim),
      size('kv_lora_rank'),
      DEVIATION.query,
    );
  }

  function dense(name: string): void {
    linear(`${name}.c_q`, heads * headDim, dim, DEVIATION.query);
    linear(`${name}.c_k`, kvHeads * headDim, dim, DEVIATION.query);
    linear(`${name}.c_v`, kvHeads * headDim, dim, DEVIATION.value);
  }

  function factored(name: string): void {
    const rank = size('rank');
    if (form === 'kvonly') linear(`${name}.c_q`, heads * headDim, dim, DEVIATION.query);
    else factors(name, 'q', size('q_rank'), DEVIATION.query);
    factors(name, 'k', rank, DEVIATION.query);
    factors(name, 'v', rank, DEVIATION.value);
    if (config['attention'] === 'tpa-shared-b') {
      linear(`${name}.W_B_kv`, rank * headDim, dim, factorDeviation(rank, DEVIATION.query));
    }
  }

  /** A and B of one part, in the shapes that the mechanism stores. */
  function factors(name: string, part: string, rank: number, deviation: number): void {
    const each = factorDeviation(rank, deviation);
    const attention = config['attention'];
    if (attention === 'tpa-nonctx-a') set(`${name}.A_${part}`, [heads, rank], each);
    else linear(`${name}.W_A_${part}`, heads * rank, dim, each);
    if (attention === 'tpa-nonctx-b') {
      set(`${name}.B_${part}`, [rank, headDim], each);
    } else if (attention === 'tpa-third-order') {
      const cDim = size('c_dim');
      linear(`${name}.W_B_${part}`, (rank * headDim) / cDim, dim, Math.sqrt(each));
      linear(`${name}.W_C_${part}`, rank * cDim, dim, Math.sqrt(each));
    } else if (attention !== 'tpa-shared-b' || part === 'q') {
      // sigmoid leaves numbers about 0.5, which only larger B make up for
      const isSigmoid = attention === 'tpa-sigmoid';
      linear(`${name}.W_B_${part}`, rank * headDim, dim, isSigmoid ? 2 * each * each : each);
    }
  }

  /** About what attention gives: linear weights are not below 1, unless normed. */
  function outputDeviation(): number {
    return config['attention'] === 'linear' && config['using_groupnorm'] !== true ? 40 : 0.7;
  }

  /** A layer whose outputs have this deviation where its inputs have 1. */
  function linear(name: string, rows: number, columns: number, deviation: number): void {
    set(`${name}.weight`, [rows, columns], deviation / Math.sqrt(columns));
  }

  function norm(name: string, length: number): void {
    tensors.set(`${name}.weight`, { shape: [length], values: random.uniform(length, 0.5, 1.5) });
  }

  function set(name: string, shape: [number, number], deviation: number): void {
    tensors.set(name, { shape, values: random.normal(shape[0] * shape[1], deviation) });
  }
}

/** Of A and of B, for the mean of `rank` products to have the deviation asked for. */
function factorDeviation(rank: number, deviation: number): number {
  return Math.sqrt(deviation * Math.sqrt(rank));
}
