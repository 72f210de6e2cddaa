/**
 * Caps on the sizes a config.json may state. Absurd but countable sizes are left to the memory
 * budget; within these caps every count of weights stays a safe integer.
 */
export const LIMITS = {
  /** The largest T6 has 48, the largest LLaMA 126. */
  layers: 16_384,
  /** The largest T6 has 78, the largest LLaMA 128. */
  heads: 1024,
  /** 64 in every T6; 256 is the largest elsewhere. */
  headDim: 1024,
  /** The largest T6 has 1600, the largest LLaMA 16,384. */
  dim: 32_768,
  /** The largest LLaMA has 53,248. */
  hiddenDim: 2 ** 18,
  /** DeepSeek has 1536 for queries and 512 for K and V. */
  latent: 32_768,
  /** Four times the largest vocabulary in use, 256 K. */
  vocab: 2 ** 20,
  /** RoPE multiplies float32 positions: 2^24 is the last before integers get lost. */
  context: 2 ** 24,
  /** LLaMA 3 has three. */
  eosIds: 256,
  /** The largest in use is 5e8; below 1 the angles would grow along a row. */
  ropeTheta: 1e12,
  /** The largest in use stretch a context 128-fold. */
  ropeFactor: 2 ** 16,
  /** Bounds of the other knobs of RoPE, which are 0.1 to 32 in use, either way. */
  ropeKnob: 2 ** 10,
} as const;

/** The smallest number that float32 keeps whole; below it the kernels may see 0. */
export const SMALLEST = 2 ** -126;

/** Configs take 1 to 10 KB. */
export const MAX_CONFIG_BYTES = 2 ** 20;

/** UTF-16 units; the longest published template has about 20,000. */
export const MAX_TEMPLATE_LENGTH = 2 ** 17;
