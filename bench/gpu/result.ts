/** Who is timed. */
export const NAMES = {
  cpu: 'CPU, TPA',
  tpa: 'GPU, TPA',
  gqa: 'GPU, GQA',
} as const;

/** Seconds of each round: entry `i` of all three ran one after the other. */
export interface Rounds {
  readonly cpu: readonly number[];
  readonly tpa: readonly number[];
  readonly gqa: readonly number[];
}

/** One decode step at one context. */
export interface ContextResult {
  /** Cached tokens. */
  readonly tokens: number;
  readonly rounds: Rounds;
  /** Relative error of the GPU's logits to the CPU's. */
  readonly error: number;
}

/** Steps at contexts of equal distance. */
export interface Smoothness {
  readonly tokens: readonly number[];
  /** Best of `repeats`. */
  readonly seconds: readonly number[];
  readonly repeats: number;
}

/** What a run finds; travels as JSON. */
export interface GpuResult {
  readonly adapter: string;
  readonly isSoftware: boolean;
  /** Of onnxruntime-web. */
  readonly version: string;
  /** Of the CPU's kernels. */
  readonly simd: string;
  /** Parameters of each model. */
  readonly parameters: { readonly tpa: number; readonly gqa: number };
  /** Relative errors of a prompt's logits to those of the CPU. */
  readonly errors: { readonly tpa: number; readonly gqa: number };
  /** Bytes that come back from the device with a step, 0 where none was timed. */
  readonly bytesRead: { readonly tpa: number; readonly gqa: number };
  readonly prefill?: { readonly tokens: number; readonly rounds: Rounds };
  readonly contexts: readonly ContextResult[];
  /** GQA's step in a cache with room for many times the tokens, over one that is full. */
  readonly room?: { readonly tokens: number; readonly capacity: number; readonly ratio: number };
  readonly smoothness?: Smoothness;
  /** From the loss of the device, a step in flight, to the logits of that token from the CPU. */
  readonly failover?: { readonly tokens: number; readonly seconds: number };
  /** Sentences on what the time did not allow. */
  readonly skipped: readonly string[];
}
