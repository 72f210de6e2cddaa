import { type AttentionShape, T6_SMALL } from '../shapes.ts';
import type { ModelForm } from './random-model.ts';

/** Sizes that two models of equal parameters share. */
export interface ModelSizes {
  readonly layers: number;
  readonly vocabSize: number;
  readonly contextLength: number;
}

/** Query and K/V heads of a dense model. */
export interface GroupedHeads {
  readonly heads: number;
  readonly kvHeads: number;
}

/** The paper's small models: 124 M parameters each. */
export const SMALL_SIZES: Omit<ModelSizes, 'contextLength'> = { layers: 12, vocabSize: 50304 };

/** The GQA model that the paper sets beside T6-small: as many parameters, 2 K/V heads. */
export const GQA_SMALL_HEADS: GroupedHeads = { heads: 22, kvHeads: 2 };

/** T6 of a shape. */
export function tpaForm(shape: AttentionShape, sizes: ModelSizes): ModelForm {
  const { heads, rankQ, rankK, dim } = shape;
  return {
    json: { ...commonKeys(shape, sizes), n_head: heads, rank: rankK, q_rank: rankQ },
    mark: { name: `${LAYER}.c_qkv.W_A_q.weight`, shape: [heads * rankQ, dim] },
  };
}

/** The same block around grouped-query attention. */
export function gqaForm(
  shape: Pick<AttentionShape, 'headDim' | 'dim'>,
  sizes: ModelSizes,
  { heads, kvHeads }: GroupedHeads,
): ModelForm {
  const { headDim, dim } = shape;
  return {
    json: { ...commonKeys(shape, sizes), n_head: heads, group_size: heads / kvHeads },
    mark: { name: `${LAYER}.c_k.weight`, shape: [kvHeads * headDim, dim] },
  };
}

/** T6-small with room for a context. */
export function t6SmallForm(contextLength: number): ModelForm {
  return tpaForm(T6_SMALL, { ...SMALL_SIZES, contextLength });
}

/** Its GQA counterpart. */
export function gqaSmallForm(contextLength: number): ModelForm {
  return gqaForm(T6_SMALL, { ...SMALL_SIZES, contextLength }, GQA_SMALL_HEADS);
}

const LAYER = 'transformer.h.0.attn';

function commonKeys({ headDim, dim }: { headDim: number; dim: number }, sizes: ModelSizes) {
  const { layers, vocabSize, contextLength } = sizes;
  return {
    model_type: 'gpt2',
    vocab_size: vocabSize,
    block_size: contextLength,
    n_layer: layers,
    head_dim: headDim,
    n_embd: dim,
    using_groupnorm: false,
  };
}
