/**
 * A weight as mathematics has it, out of the kernels' packed memory. Matrices are (inputs, outputs),
 * so that a row of activations times the matrix is the product.
 *
 * Names, `{i}` the layer: `layers.{i}.attention_norm` (dim), `.projection` (dim, projected width),
 * `.projection_bias`, `.query_norm` (headDim), `.key_norm` (headDim), `.group_norm` (headDim),
 * `.output` (heads · headOutputDim, dim), `.output_bias` (dim), `.feed_forward_norm` (dim),
 * `.gate_up` (dim, 2 · hiddenDim) gate then up, `.gate_up_bias`, `.down` (hiddenDim, dim),
 * `.down_bias`; fixed factors `.aq` (heads, rankQ), `.ak` (heads, rankK), `.av` (heads, rankV),
 * `.bq` (rankQ, headDim), `.bk`, `.bv`; MLA `.latent_query_norm` (queryRank), `.query_up`
 * (queryRank, heads · (headDim + ropeDim)), `.latent_norm` (latentDim), `.absorb`
 * (heads, headDim, latentDim), `.value_up` (heads, latentDim, valueDim); `final_norm` (dim),
 * `head` (dim, vocabSize). What a model does not have is not listed. A matrix that is larger than
 * a buffer may be is cut by its outputs into `{name}.0`, `{name}.1` …
 */
export interface NamedMatrix {
  readonly name: string;
  readonly dims: readonly number[];
  /** The numbers, row-major, in a fresh array. */
  read(): Float32Array;
}
