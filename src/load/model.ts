import { BackendChangeEvent, BackendChangeTarget } from '../backend/backend-change.ts';
import type { Backend } from '../backend/backend.ts';
import { onlyRoutes } from '../backend/dispatch/routes.ts';
import type { CpuBackend } from '../backend/cpu.ts';
import type { DispatchInfo } from '../backend/dispatch/info.ts';
import type { DispatchBackend } from '../backend/dispatch/dispatch-backend.ts';
import type { CacheInfo } from '../download/cache/model-cache.ts';
import type { ModelConfig } from '../format/config/model-config.ts';
import type { GenerationDefaults } from '../format/config/generation-config.ts';
import type { AdapterInfo } from '../lora/adapter.ts';
import type { Chat } from '../text/chat.ts';
import type { TokenIds } from '../text/prompt.ts';
import { SamplingMemory } from '../generate/sampling.ts';
import { Session, type SessionHost } from '../generate/session.ts';
import { bytesOf } from '../layout/numbers.ts';
import { cacheSizes } from '../model/budget.ts';
import { denseNumbersPerToken } from '../format/config/attention-spec.ts';
import type { LayoutReport, WeightReport } from '../weights/report.ts';
import type { Requantized } from '../weights/stream/block-maker.ts';
import { parameterCount } from '../weights/tensors.ts';
import type { TextTokenizer } from '../text/tokenizer.ts';
import type { ScoreOptions } from '../generate/options.ts';
import { logitsOf } from './positions.ts';
import type { MemoryInfo, RuntimeInfo } from '../ops/runtime.ts';

/** What a model computes with, why, and how large it is. */
export interface ModelInfo
  extends DispatchInfo, Pick<RuntimeInfo, 'simd' | 'simdReason' | 'threads'> {
  /** What matrices are computed with: codes of 8 or 4 bits in blocks of 32, or `'mixed'`. */
  readonly dtype: WeightReport['dtype'];
  /** Why `dtype: 'auto'` did not keep what the files have, where it did not. */
  readonly dtypeReason?: string;
  /** How factors are cached. */
  readonly cacheDtype: 'f32';
  /**
   * Tells models apart by what they compute with, configuration and numbers, in 32 hexadecimal digits:
   * the same for one file, its shards and its conversion.
   */
  readonly fingerprint: string;
  /** What the files are, and what of them is not used. */
  readonly stored: StoredModel;
  /** LoRA adapters that were merged into the weights. */
  readonly adapters: readonly AdapterInfo[];
  /** Weights, the tied embedding counted once. */
  readonly parameters: number;
  /** Bytes that weights take in memory, padding included. */
  readonly weightBytes: number;
  /** The layouts of weights, vectors among those of float32. */
  readonly weights: readonly LayoutReport[];
  /** Tensors whose numbers are not quite those of the files. */
  readonly requantized: readonly Requantized[];
  /** Bytes one more token of context costs, all layers; 0 for linear attention. */
  readonly cacheBytesPerToken: number;
  /** Bytes of the state of linear attention whatever the context, all layers; else 0. */
  readonly stateBytes: number;
  /** Bytes a token if K and V of every query head were cached: 2 h d numbers a layer, MLA h (d + d_rope + d_v). */
  readonly denseCacheBytesPerToken: number;
  /** What keeps the files of a downloaded model, or why nothing does. */
  readonly cache: CacheInfo;
  /** Keys of config.json that nothing reads. */
  readonly ignoredKeys: readonly string[];
  /** Tensors of the checkpoint that nothing reads. */
  readonly ignoredTensors: readonly string[];
}

/** A model as its files have it. */
export interface StoredModel {
  /** `'safetensors'` in a folder with config.json, or one GGUF file or its parts. */
  readonly format: 'safetensors' | 'gguf';
  /** How many tensors are of which type, e.g. `{ Q4_K: 84, F32: 33 }`. */
  readonly types: Readonly<Record<string, number>>;
  /** What could not be read, such as the vocabulary, and why; a sentence each. */
  readonly notes: readonly string[];
}

/** What a model may come with besides weights and a tokenizer. */
export interface ModelExtras {
  readonly chat?: Chat;
  readonly defaults?: GenerationDefaults;
  /** The CPU and a GPU behind one backend; the CPU alone unless given. */
  readonly dispatch?: DispatchBackend | undefined;
  /** Why the CPU computes alone. */
  readonly backendReason?: string;
  /** Why weights are not what the files have. */
  readonly dtypeReason?: string | undefined;
  readonly cache?: CacheInfo;
  readonly stored?: StoredModel;
  readonly adapters?: readonly AdapterInfo[];
}

const NOT_DOWNLOADED: CacheInfo = { kind: 'none', reason: 'the model is not downloaded' };
const NOT_STORED: StoredModel = { format: 'safetensors', types: {}, notes: [] };

/**
 * A loaded model. It owns the weights; each session owns its cache. The event
 * `'backendchange'` tells when a GPU was lost, or is there again; sessions go on as they were.
 *
 * @example
 * using model = await loadModel('models/t6-stories.gguf');
 * const text = await model.createSession().generate('Once upon a time', { seed: 7 }).text();
 */
export class Model extends BackendChangeTarget {
  /** Sizes and switches, as checked. */
  readonly config: ModelConfig;
  /** Text to ids and back; undefined if the model came without one. */
  readonly tokenizer: TextTokenizer | undefined;
  /** Whether it has a template for conversations that name none, so that `generate({ messages })` works. */
  readonly hasChatTemplate: boolean;
  /** Names of its chat templates, such as `default` and `tool_use`; none if it came without. */
  readonly chatTemplates: readonly string[];
  /** What `generation_config.json` asks for; defaults of `session.generate`. */
  readonly generationDefaults: GenerationDefaults;
  readonly #cpu: CpuBackend;
  readonly #backend: Backend;
  readonly #extras: ModelExtras;
  readonly #host: SessionHost;
  readonly #ignoredTensors: readonly string[];

  /** Use `loadModel`. @internal */
  constructor(
    cpu: CpuBackend,
    config: ModelConfig,
    tokenizer: TextTokenizer | undefined,
    ignoredTensors: readonly string[],
    extras: ModelExtras = {},
  ) {
    super();
    const { chat, defaults = {}, dispatch } = extras;
    this.config = config;
    this.tokenizer = tokenizer;
    this.#cpu = cpu;
    this.#backend = dispatch ?? cpu;
    this.#extras = extras;
    this.#ignoredTensors = ignoredTensors;
    this.hasChatTemplate = chat?.hasDefault ?? false;
    this.chatTemplates = Object.freeze(chat?.templates ?? []);
    this.generationDefaults = Object.freeze({ ...defaults });
    if (dispatch !== undefined) {
      dispatch.onChange = (change) => void this.dispatchEvent(new BackendChangeEvent(change));
    }
    this.#host = {
      backend: this.#backend,
      tokenizer,
      eosTokenIds: config.eosTokenIds,
      chat,
      generationDefaults: this.generationDefaults,
      sampling: new SamplingMemory(),
      sessions: new Set(),
    };
  }

  /**
   * An empty conversation.
   *
   * @throws TpaError `DISPOSED`, `OUT_OF_MEMORY`
   */
  createSession(): Session {
    return new Session(this.#host);
  }

  /**
   * Logits of every position, on a cache of their own.
   *
   * @param ids 1 … contextLength token ids
   * @returns (ids.length, vocabSize)
   * @throws TypeError, RangeError for bad ids; TpaError `CONTEXT_OVERFLOW` before anything is
   *   computed, `NONFINITE_LOGITS`, `OUT_OF_MEMORY`, `DISPOSED`
   */
  logits(ids: TokenIds): Promise<Float32Array> {
    return logitsOf(this.#backend, ids);
  }

  /**
   * Log-probability of each token after the first, given all that stand before it, on a cache of
   * their own. Where the CPU computes, only these numbers leave the memory of wasm.
   *
   * @param ids 1 … contextLength token ids
   * @param options how; a signal ends it, seen between two chunks of at most 48 tokens on the CPU
   * @returns (ids.length - 1), natural logarithms: entry i is ln p(ids[i + 1] | ids[0 … i])
   * @throws TypeError, RangeError for bad ids or options; TpaError `CONTEXT_OVERFLOW` before anything
   *   is computed, `NONFINITE_LOGITS`, `OUT_OF_MEMORY`, `ABORTED`, `DISPOSED`
   *
   * @example
   * using model = await loadModel('models/t6-stories.gguf');
   * const ids = model.tokenizer!.encode('Once upon a time there was a king.');
   * const scores = await model.score(ids);
   * Math.exp(-scores.reduce((sum, score) => sum + score) / scores.length); // the perplexity
   */
  async score(ids: TokenIds, options: ScoreOptions = {}): Promise<Float32Array> {
    const session = this.createSession();
    try {
      return await session.score(ids, options);
    } finally {
      session.dispose();
    }
  }

  /** What computes, why, and sizes. */
  info(): ModelInfo {
    const { compute, weights } = this.#cpu.network;
    const { simd, reason } = compute.engine.simd;
    const { dtype, bytes, layouts, requantized } = weights.report;
    const { layers, ignoredKeys } = this.config;
    const { dispatch, backendReason = 'asked for', cache = NOT_DOWNLOADED } = this.#extras;
    const { dtypeReason, stored = NOT_STORED, adapters = [] } = this.#extras;
    const { cacheBytesPerToken, stateBytes } = cacheSizes(this.config);
    return {
      ...(dispatch?.info() ?? { backend: 'wasm', backendReason, routes: onlyRoutes('wasm') }),
      simd,
      simdReason: reason,
      threads: 1,
      dtype,
      ...(dtypeReason === undefined ? {} : { dtypeReason }),
      cacheDtype: 'f32',
      fingerprint: weights.fingerprint,
      stored,
      adapters,
      parameters: parameterCount(this.config),
      weightBytes: bytes,
      weights: layouts,
      requantized,
      cacheBytesPerToken,
      stateBytes,
      denseCacheBytesPerToken: bytesOf(layers * denseNumbersPerToken(this.config)),
      cache,
      ignoredKeys,
      ignoredTensors: this.#ignoredTensors,
    };
  }

  /** Bytes of the model's memory: weights, activations and every session's cache. */
  memory(): MemoryInfo {
    const { used, size, limit } = this.#cpu.network.compute.heap;
    return { used, size, limit };
  }

  /** Disposes every session and lets the memory go; idempotent. */
  dispose(): void {
    for (const session of this.#host.sessions) session.dispose();
    this.#backend.dispose();
  }

  /** {@link dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}
