import { factorLayout } from '../compute/project.ts';
import type { ModelConfig } from '../format/config/model-config.ts';
import { attentionSpec, headOutputDim } from '../format/config/attention-spec.ts';

/** A weight the model needs. */
export interface ExpectedTensor {
  readonly name: string;
  /** (rows, columns), or (length). */
  readonly shape: readonly number[];
}

/** Numbers that a tensor of this shape has. */
export function countNumbers({ shape }: Pick<ExpectedTensor, 'shape'>): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** A tensor whose rows are part of a fused weight. */
export interface Piece extends ExpectedTensor {
  /** Where its first row goes. */
  readonly at: number;
  /** Rows that stay together, all of them unless given; blocks lie `step` rows apart. */
  readonly block?: number;
  readonly step?: number;
}

/** The tensors of one layer by what they are for. */
export interface LayerTensors {
  /** (dim) */
  readonly attentionNorm?: ExpectedTensor;
  readonly feedForwardNorm?: ExpectedTensor;
  /** All that the attention projects x into: (rows, dim) each. */
  readonly projection: readonly Piece[];
  readonly projectionBias: readonly Piece[];
  /** Factors that are parameters: A (heads, rank), B (rank, headDim). */
  readonly fixed: Readonly<
    Partial<Record<'aq' | 'ak' | 'av' | 'bq' | 'bk' | 'bv', ExpectedTensor>>
  >;
  /** (headDim), of each head's q and k */
  readonly queryNorm?: ExpectedTensor;
  readonly keyNorm?: ExpectedTensor;
  readonly latent?: LatentTensors;
  /** (headDim), of each head's output */
  readonly groupNorm?: ExpectedTensor;
  readonly output: ExpectedTensor;
  readonly outputBias?: ExpectedTensor;
  readonly gate: ExpectedTensor;
  readonly up: ExpectedTensor;
  readonly gateBias?: ExpectedTensor;
  readonly upBias?: ExpectedTensor;
  readonly down: ExpectedTensor;
  readonly downBias?: ExpectedTensor;
}

/** What MLA has besides the projection into its latents. */
export interface LatentTensors {
  /** (queryRank) */
  readonly queryNorm: ExpectedTensor;
  /** (heads · (headDim + ropeDim), queryRank) */
  readonly queryUp: ExpectedTensor;
  /** (latentDim) */
  readonly latentNorm: ExpectedTensor;
  /** (heads · (headDim + valueDim), latentDim): for each head the rows of K, then of V */
  readonly keyValueUp: ExpectedTensor;
}

/** Every tensor that a layer of this configuration has. */
export function layerTensors(config: ModelConfig, layer: number): LayerTensors {
  return config.layout === 'llama' ? llamaTensors(config, layer) : t6Tensors(config, layer);
}

/** All of them in a row. */
export function listTensors(tensors: LayerTensors): readonly ExpectedTensor[] {
  return Array.from(tensorParts(tensors), ([, tensor]) => tensor);
}

/** All of them, each after the part it plays, whatever the layout calls it; fused ones by their place. */
export function* tensorParts(tensors: LayerTensors): Generator<[part: string, ExpectedTensor]> {
  const { projection, projectionBias, fixed, latent = {}, ...single } = tensors;
  for (const piece of projection) yield [`projection.${piece.at}`, piece];
  for (const piece of projectionBias) yield [`projectionBias.${piece.at}`, piece];
  for (const [prefix, group] of Object.entries({
    'fixed.': fixed,
    'latent.': latent,
    '': single,
  })) {
    for (const [part, tensor] of Object.entries(group)) if (tensor) yield [prefix + part, tensor];
  }
}

function t6Tensors(config: ModelConfig, layer: number): LayerTensors {
  const { heads, headDim, dim, hiddenDim, rankQ, rankK, rankV, latent } = config;
  const tensor = (part: string, ...shape: number[]) => ({
    name: `transformer.h.${layer}.${part}`,
    shape,
  });
  const mlp = {
    gate: tensor('mlp.c_fc1.weight', hiddenDim, dim),
    up: tensor('mlp.c_fc2.weight', hiddenDim, dim),
    down: tensor('mlp.c_proj.weight', dim, hiddenDim),
  };
  const output = tensor('attn.c_proj.weight', dim, heads * headOutputDim(config));
  const groupNorm = config.usesGroupNorm ? tensor('attn.subln.weight', headDim) : undefined;
  const common = { ...mlp, output, ...(groupNorm ? { groupNorm } : {}), projectionBias: [] };

  if (latent !== undefined) {
    const { queryRank, latentDim, ropeDim, valueDim } = latent;
    const kv = tensor('attn.kv_a_proj_with_mqa.weight', latentDim + ropeDim, dim);
    return {
      ...common,
      projection: [
        { ...tensor('attn.q_a_proj.weight', queryRank, dim), at: 0 },
        { ...kv, at: queryRank },
      ],
      fixed: {},
      latent: {
        queryNorm: tensor('attn.q_a_layernorm.weight', queryRank),
        queryUp: tensor('attn.q_b_proj.weight', heads * (headDim + ropeDim), queryRank),
        latentNorm: tensor('attn.kv_a_layernorm.weight', latentDim),
        keyValueUp: tensor('attn.kv_b_proj.weight', heads * (headDim + valueDim), latentDim),
      },
    };
  }

  const layout = factorLayout(attentionSpec(config), rankQ);
  if (config.headFactors === 'groups') {
    const dense = (part: string, rows: number, at: number) => ({
      ...tensor(`attn.${part}.weight`, rows * headDim, dim),
      at,
    });
    const projection = [
      dense('c_q', heads, layout.aq),
      dense('c_k', rankK, layout.bk),
      dense('c_v', rankV, layout.bv),
    ];
    return { ...common, projection, fixed: {} };
  }

  const projection: Piece[] = [];
  const fixed: Record<string, ExpectedTensor> = {};
  const piece = (part: string, rows: number, at: number, blocks: Partial<Piece> = {}) =>
    projection.push({ ...tensor(`attn.c_qkv.${part}.weight`, rows, dim), at, ...blocks });
  const ranks = { q: rankQ, k: rankK, v: rankV };
  for (const [role, rank] of Object.entries(ranks) as ['q' | 'k' | 'v', number][]) {
    if (rank === 0) {
      piece('c_q', heads * headDim, layout.aq);
      continue;
    }
    if (config.headFactors === 'fixed') {
      fixed[`a${role}`] = tensor(`attn.c_qkv.A_${role}`, heads, rank);
    } else {
      piece(`W_A_${role}`, heads * rank, layout[`a${role}`]);
    }
    const at = layout[`b${role}`];
    switch (config.featureFactors) {
      case 'fixed':
        fixed[`b${role}`] = tensor(`attn.c_qkv.B_${role}`, rank, headDim);
        break;
      case 'outer': {
        const cDim = config.outerDim;
        const bDim = headDim / cDim;
        const step = bDim + cDim;
        piece(`W_B_${role}`, rank * bDim, at, { block: bDim, step });
        piece(`W_C_${role}`, rank * cDim, at + bDim, { block: cDim, step });
        break;
      }
      default: {
        const isShared = config.featureFactors === 'shared';
        if (isShared && role === 'k') break; // B_K is B_V
        piece(isShared && role === 'v' ? 'W_B_kv' : `W_B_${role}`, rank * headDim, at);
      }
    }
  }
  return { ...common, projection, fixed };
}

function llamaTensors(config: ModelConfig, layer: number): LayerTensors {
  const { heads, kvHeads, headDim, dim, hiddenDim } = config;
  const tensor = (part: string, ...shape: number[]) => ({
    name: `model.layers.${layer}.${part}`,
    shape,
  });
  const layout = factorLayout(attentionSpec(config), 0);
  const pieces = (['q', 'k', 'v'] as const).map((role) => ({
    role,
    rows: (role === 'q' ? heads : kvHeads) * headDim,
    at: role === 'q' ? layout.aq : layout[`b${role}`],
  }));
  const inputs = heads * headDim;
  return {
    attentionNorm: tensor('input_layernorm.weight', dim),
    feedForwardNorm: tensor('post_attention_layernorm.weight', dim),
    projection: pieces.map(({ role, rows, at }) => ({
      ...tensor(`self_attn.${role}_proj.weight`, rows, dim),
      at,
    })),
    projectionBias: config.hasQkvBias
      ? pieces.map(({ role, rows, at }) => ({ ...tensor(`self_attn.${role}_proj.bias`, rows), at }))
      : [],
    fixed: {},
    ...(config.usesQueryKeyNorm
      ? {
          queryNorm: tensor('self_attn.q_norm.weight', headDim),
          keyNorm: tensor('self_attn.k_norm.weight', headDim),
        }
      : {}),
    output: tensor('self_attn.o_proj.weight', dim, inputs),
    ...(config.hasOutputBias ? { outputBias: tensor('self_attn.o_proj.bias', dim) } : {}),
    gate: tensor('mlp.gate_proj.weight', hiddenDim, dim),
    up: tensor('mlp.up_proj.weight', hiddenDim, dim),
    down: tensor('mlp.down_proj.weight', dim, hiddenDim),
    ...(config.hasMlpBias
      ? {
          gateBias: tensor('mlp.gate_proj.bias', hiddenDim),
          upBias: tensor('mlp.up_proj.bias', hiddenDim),
          downBias: tensor('mlp.down_proj.bias', dim),
        }
      : {}),
  };
}
