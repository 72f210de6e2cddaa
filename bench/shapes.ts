/** One Tensor Product Attention layer; values are as wide as keys. */
export interface AttentionShape {
  readonly name: string;
  readonly heads: number;
  readonly headDim: number;
  readonly rankQ: number;
  readonly rankK: number;
  readonly rankV: number;
  /** Width of the residual stream. */
  readonly dim: number;
}

/** Dense attention with `heads / kvHeads` query heads to each cached head. */
export interface GroupedShape {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

/** Dense decode of one layer; with `isLatent` the value is the first valueDim numbers of the key. */
export interface DenseShape extends GroupedShape {
  readonly name: string;
  readonly valueDim: number;
  readonly isLatent?: boolean;
}

/** `(rows, inner) · (inner, columns)`. */
export interface ProductShape {
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
}

/** The paper's small model (its Table 10). */
export const T6_SMALL: AttentionShape = {
  name: 't6-small',
  heads: 34,
  headDim: 64,
  rankQ: 6,
  rankK: 2,
  rankV: 2,
  dim: 768,
};

/** The shape of the paper's decode-speed figures. */
export const PAPER_DECODE: AttentionShape = {
  name: 'paper',
  heads: 32,
  headDim: 64,
  rankQ: 16,
  rankK: 1,
  rankV: 1,
  dim: 2048,
};

/** Cached tokens at which one decode step is timed. */
export const DECODE_CONTEXTS: readonly number[] = [1024, 8192, 65536];

/** Cached tokens of the comparison with other implementations. */
export const PEER_CONTEXT = 32768;

/** Prompt lengths at which a prefill is timed. */
export const PREFILL_LENGTHS: readonly number[] = [512, 2048];

/** Dense caches of the paper's decode shape: grouped, and one per query head. */
export const GQA_4: GroupedShape = { heads: 32, kvHeads: 4, headDim: 64 };
export const GQA_32: GroupedShape = { heads: 32, kvHeads: 32, headDim: 64 };

/** Dense mechanisms at the head counts of the paper's figures, and MLA in its absorbed form. */
export const DENSE_SHAPES: readonly DenseShape[] = [
  { name: 'mha-32', ...GQA_32, valueDim: 64 },
  { name: 'mha-12', heads: 12, kvHeads: 12, headDim: 64, valueDim: 64 },
  { name: 'gqa-32-4', ...GQA_4, valueDim: 64 },
  { name: 'mqa-32', heads: 32, kvHeads: 1, headDim: 64, valueDim: 64 },
  { name: 'mla-512', heads: 32, kvHeads: 1, headDim: 544, valueDim: 512, isLatent: true },
  { name: 'mla-256', heads: 32, kvHeads: 1, headDim: 288, valueDim: 256, isLatent: true },
];

/** Cached tokens at which one dense decode step is timed. */
export const DENSE_CONTEXTS: readonly number[] = [1024, 8192];

/** MHA-32 at this length is 1 GB, which only the memory can hold. */
export const LONG_CONTEXT = 65536;

/** 512 tokens through the first SwiGLU matrix of T6-small. */
export const PREFILL_PRODUCT: ProductShape = { rows: 512, inner: 768, columns: 2048 };

/** What one token of T6-small multiplies in each layer, and once at the end. */
export const DECODE_PRODUCTS = {
  /** All six factor projections: rankQ (h + d) + (rankK + rankV)(h + d) columns. */
  factors: { rows: 1, inner: 768, columns: 980 },
  attentionOutput: { rows: 1, inner: 2176, columns: 768 },
  swigluIn: { rows: 1, inner: 768, columns: 2048 },
  swigluOut: { rows: 1, inner: 2048, columns: 768 },
  logits: { rows: 1, inner: 768, columns: 50304 },
} as const satisfies Readonly<Record<string, ProductShape>>;

/** Multiply-adds of one query against `tokens` cached tokens, factors never expanded. */
export function tpaDecodeMacs(shape: AttentionShape, tokens: number): number {
  const { heads, headDim, rankQ, rankK, rankV } = shape;
  return tokens * (rankQ * rankK * headDim + heads * rankQ * rankK + heads * rankV * headDim);
}

/**
 * Multiply-adds of a causal block of `tokens` queries over itself, in the cheaper of two orders:
 * factored values, or values expanded once per key.
 */
export function tpaPrefillMacs(shape: AttentionShape, tokens: number): number {
  const { heads, headDim, rankQ, rankK, rankV } = shape;
  const pairs = (tokens * (tokens + 1)) / 2;
  const expanded =
    pairs * (rankQ * rankK * (headDim + heads) + heads * headDim) +
    tokens * heads * rankV * headDim;
  return Math.min(tpaDecodeMacs(shape, pairs), expanded);
}

/** Multiply-adds of one dense query against `tokens` cached tokens, however the heads share keys. */
export function gqaDecodeMacs(shape: GroupedShape, tokens: number): number {
  return tokens * 2 * shape.heads * shape.headDim;
}

/** Multiply-adds of one dense query of any shape against `tokens` cached tokens. */
export function denseDecodeMacs({ heads, headDim, valueDim }: DenseShape, tokens: number): number {
  return tokens * heads * (headDim + valueDim);
}

/** Multiply-adds of a matrix product. */
export function productMacs({ rows, inner, columns }: ProductShape): number {
  return rows * inner * columns;
}

/** Name of the suite that times one decode step, e.g. `decode-paper-8192`. */
export function decodeSuite(shape: { readonly name: string }, tokens: number): string {
  return `decode-${shape.name}-${tokens}`;
}

/** The comparison with other implementations. */
export const PEER_SUITE = decodeSuite(PAPER_DECODE, PEER_CONTEXT);

/** The one with 32 KV heads: apart, for its gigabyte of outputs a call slows what runs beside it. */
export const DENSE_PEER_SUITE = `${PEER_SUITE}-gqa-32`;

/** Name of the suite that times a prefill, e.g. `prefill-t6-small-512`. */
export function prefillSuite(shape: AttentionShape, tokens: number): string {
  return `prefill-${shape.name}-${tokens}`;
}

/** Name of the suite that times a product, e.g. `product-512x768x2048`. */
export function productSuite({ rows, inner, columns }: ProductShape): string {
  return `product-${rows}x${inner}x${columns}`;
}
