import type { RopeScaling } from '../../attention/rope.ts';

/** The attention mechanisms this package computes. */
export type Mechanism =
  | 'tpa'
  | 'tpa-kvonly'
  | 'tpa-sigmoid'
  | 'tpa-nonctx-a'
  | 'tpa-nonctx-b'
  | 'tpa-shared-b'
  | 'tpa-third-order'
  | 'linear'
  | 'mha'
  | 'mqa'
  | 'gqa'
  | 'mla';

/** Sizes and switches of a model, every field checked. */
export interface ModelConfig {
  /** Whose names the tensors have: the upstream code's (T6 and its baselines) or Hugging Face LLaMA's. */
  readonly layout: 't6' | 'llama';
  /** How it attends. */
  readonly mechanism: Mechanism;
  /** Layers of attention and feed-forward. */
  readonly layers: number;
  /** Query heads. */
  readonly heads: number;
  /** Heads of K and V: fewer than `heads` with GQA and MQA. */
  readonly kvHeads: number;
  /** Width of a head's query and key; with MLA of the part that is not rotated. */
  readonly headDim: number;
  /** Width of the residual stream; heads * headDim need not equal it. */
  readonly dim: number;
  /** Width of the feed-forward layer: floor(8/3 dim) in T6. */
  readonly hiddenDim: number;
  /** 0 where the query has full rank (KV-only, MHA, MQA, GQA, MLA). */
  readonly rankQ: number;
  /** Pairs of factors of K; kvHeads for MHA, MQA and GQA, 1 for MLA. */
  readonly rankK: number;
  /** Pairs of factors of V; kvHeads for MHA, MQA and GQA, 1 for MLA. */
  readonly rankV: number;
  /** Which factors are cached (see AttentionSpec); `headFactors` 'groups' for MHA, MQA, GQA and MLA. */
  readonly headFactors: 'contextual' | 'fixed' | 'groups';
  /** What the B factors are (see AttentionSpec). */
  readonly featureFactors: 'contextual' | 'fixed' | 'shared' | 'outer' | 'latent';
  /** Width of c in b ⊗ c (third order); 1 otherwise. */
  readonly outerDim: number;
  /** Sizes of MLA. */
  readonly latent?: LatentSizes;
  /** Without softmax: (mask ∘ Q Kᵀ) V. */
  readonly isLinear: boolean;
  /** Whether A factors pass a sigmoid. */
  readonly usesSigmoid: boolean;
  /** Rows of the embedding: ids are below. */
  readonly vocabSize: number;
  /** Tokens that a session holds at most. */
  readonly contextLength: number;
  /** Base of the rotary frequencies. */
  readonly ropeTheta: number;
  /** What cos and sin are rounded to. */
  readonly ropePrecision: 'bfloat16' | 'float32';
  /** Sign of the rotation: 1 T6, -1 Hugging Face LLaMA. */
  readonly ropeDirection: 1 | -1;
  /** Features that rotate, the first of a head; even. */
  readonly rotaryDim: number;
  /** Base of the decay of rotated features, 1 for none. */
  readonly ropeDecay: number;
  /** How the frequencies were stretched; absent where they were not. */
  readonly ropeScaling?: RopeScaling;
  /** eps of the block norms. */
  readonly normEps: number;
  /** Whether block norms and the final norm have weights. */
  readonly hasNormWeights: boolean;
  /** Whether each head's output passes a weighted RMSNorm. */
  readonly usesGroupNorm: boolean;
  /** Whether each head's q and k pass a weighted RMSNorm before RoPE (Qwen3). */
  readonly usesQueryKeyNorm: boolean;
  /** Whether the projections of q, k and v have biases. */
  readonly hasQkvBias: boolean;
  /** Whether attention's output projection has a bias. */
  readonly hasOutputBias: boolean;
  /** Whether the feed-forward projections have biases. */
  readonly hasMlpBias: boolean;
  /** Whether the output projection is the embedding. */
  readonly isTied: boolean;
  /** Layers from `firstLayer` on see the latest `size` tokens only. */
  readonly slidingWindow?: {
    /** Tokens, the query's own included. */
    readonly size: number;
    /** Counted from 0. */
    readonly firstLayer: number;
  };
  /** Ids that end a generation. */
  readonly eosTokenIds: readonly number[];
  /** Keys of the file that nothing reads, printable. */
  readonly ignoredKeys: readonly string[];
}

/** Sizes of multi-head latent attention. */
export interface LatentSizes {
  /** Width of the query's latent (q_lora_rank). */
  readonly queryRank: number;
  /** Width of the K/V latent d_c (kv_lora_rank). */
  readonly latentDim: number;
  /** Width of the rotated key that all heads share (qk_rope_head_dim). */
  readonly ropeDim: number;
  /** Width of a head's value (v_head_dim). */
  readonly valueDim: number;
}
