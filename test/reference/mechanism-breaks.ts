/** Conventions that can be broken on purpose; where a model does not use one, nothing changes. */
export type MechanismBreak =
  /** the rotation of Hugging Face's LLaMA */
  | 'rotation-sign'
  | 'theta'
  /** cosines and sines rounded to bfloat16 where float32 is right, and the reverse */
  | 'rope-precision'
  /** all features rotate */
  | 'partial'
  /** the frequencies of the whole row for the features that rotate */
  | 'partial-frequencies'
  /** the last features rotate, not the first */
  | 'partial-side'
  /** no decay */
  | 'decay'
  /** keys grow as queries decay, so that only the distance counts */
  | 'decay-keys'
  /** bᵗ whatever the frequency */
  | 'decay-frequency'
  /** A read as (rank, heads) */
  | 'rank-major'
  /** no 1/rank of queries, keys and values */
  | 'rank-scale'
  /** A as it comes */
  | 'sigmoid'
  /** sigmoid on A_Q and A_K only */
  | 'sigmoid-values'
  /** key/value head = head mod kvHeads */
  | 'grouping'
  /** no group norm */
  | 'group-norm'
  /** group norm without its weight */
  | 'group-norm-weight'
  /** MLA: 1/√headDim */
  | 'mla-scale'
  /** MLA: the rotated part first */
  | 'mla-order'
  /** MLA: latents as they come */
  | 'mla-norm'
  /** MLA: the rotated key normed together with the latent */
  | 'mla-shared-norm'
  /** B_q and B_k of non-contextual B stay as stored */
  | 'fixed-rotation'
  /** shared B: values take the rotated rows too */
  | 'shared-rotation'
  /** third order: feature index j·(headDim/c_dim) + i */
  | 'third-order-index'
  /** third order: the whole row rotates */
  | 'third-order-rotation'
  /** softmax where attention is linear */
  | 'softmax'
  /** linear attention with 1/√headDim */
  | 'linear-scale'
  /** linear attention over the mean of what is visible */
  | 'linear-mean';
