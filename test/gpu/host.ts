/** A runtime with WebGPU that runs {@link Scenarios} for the tests. */
export interface GpuHost {
  /** Runs a scenario there. @throws Error with the message of what it threw */
  run<Name extends keyof Scenarios>(
    name: Name,
    ask: Scenarios[Name]['ask'],
  ): Promise<Scenarios[Name]['answer']>;
  /** Kills the process that owns the GPU, where the runtime has one apart. */
  killGpu?(): Promise<void>;
  close(): Promise<void>;
}

/** Why a host cannot be had, or the host. */
export type HostOrReason = GpuHost | { readonly missing: string };

/** Bytes as text that JSON can carry. */
export type Base64 = string;

/** A model as scenarios take it. */
export interface RemoteModel {
  readonly config: object;
  /** safetensors */
  readonly weights: Base64;
  readonly options: {
    readonly backend: 'auto' | 'wasm' | 'webgpu';
    readonly gpuDtype?: 'float32' | 'float16';
    readonly dtype?: 'f32' | 'q8' | 'q4';
    readonly contextLength?: number;
  };
  /** What befalls the device: a query of faulty-worker.ts. */
  readonly fault?: string;
}

/** Cuts the session to `keep` tokens, where that is given, and then adds ids. */
export interface Step {
  readonly keep?: number;
  readonly ids: readonly number[];
}

/** What runs there: what is asked and what comes back. */
export interface Scenarios {
  /** Logits of every position, of each row of ids. */
  logits: {
    ask: RemoteModel & { readonly rows: readonly (readonly number[])[] };
    answer: { readonly rows: readonly Base64[]; readonly info: object };
  };
  /** Greedy tokens, and what happened meanwhile. */
  generate: {
    ask: RemoteModel & {
      readonly prompt: readonly number[];
      readonly maxTokens: number;
      /** Calls the host's `killGpu` after so many tokens. */
      readonly killAfter?: number;
      /** A second session after the first, with the same prompt. */
      readonly again?: boolean;
      /** Whether to wait, up to a minute, for the GPU to come back before that. */
      readonly awaitsReturn?: boolean;
    };
    answer: GenerateAnswer;
  };
  /** Logits after each step of one session. */
  steps: {
    ask: RemoteModel & { readonly steps: readonly Step[] };
    answer: { readonly rows: readonly Base64[]; readonly info: object };
  };
  /** Compiles ONNX files on the device; the messages of what refused them, '' for none. */
  compile: {
    ask: { readonly models: readonly Base64[] };
    answer: readonly string[];
  };
  /**
   * Largest differences between GPU and CPU, relative to the largest number: of factors, of
   * attention, of attention after the cache was cut and appended to.
   */
  ops: {
    ask: OpsAsk;
    answer: { readonly differences: readonly number[]; readonly info: object };
  };
}

/** Factors and attention of the op-level API, on the GPU and on the CPU beside it. */
export interface OpsAsk {
  readonly backend: 'auto' | 'webgpu';
  readonly dim: number;
  readonly heads: number;
  readonly headDim: number;
  /** 0 for a full query. */
  readonly rankQ: number;
  readonly rankK: number;
  readonly rankV: number;
  /** K/V heads in place of factors. */
  readonly kvHeads?: number;
  readonly tokens: number;
  readonly queries: number;
  readonly fault?: string;
}

/** What a generation gave. */
export interface GenerateAnswer {
  readonly tokens: readonly number[];
  readonly again?: readonly number[];
  /** Milliseconds from asking for each token to having it. */
  readonly times: readonly number[];
  readonly changes: readonly { readonly backend: string; readonly reason: string }[];
  /** Of the model after the last token. */
  readonly info: object;
}

/** Numbers of base64 text. */
export function decodeFloats(text: Base64): Float32Array {
  const bytes = Uint8Array.from(Buffer.from(text, 'base64'));
  return new Float32Array(bytes.buffer);
}
