import type { Backend } from '../backend/backend.ts';
import type { BackendChange } from '../backend/backend-change.ts';
import type { CpuBackend } from '../backend/cpu.ts';
import type { DispatchBackend } from '../backend/dispatch/dispatch-backend.ts';
import type { DispatchInfo } from '../backend/dispatch/info.ts';
import { onlyRoutes } from '../backend/dispatch/routes.ts';
import type { CacheInfo } from '../download/cache/model-cache.ts';
import { denseNumbersPerToken } from '../format/config/attention-spec.ts';
import type { ModelConfig } from '../format/config/model-config.ts';
import { bytesOf } from '../layout/numbers.ts';
import type { AdapterInfo } from '../lora/adapter.ts';
import { cacheSizes } from '../model/cache-sizes.ts';
import type { MemoryInfo } from '../ops/runtime.ts';
import type { Threads, ThreadsChange } from '../threads/threads.ts';
import { parameterCount } from '../weights/tensors.ts';
import type { ModelHost } from './model.ts';
import type { ModelInfo, StoredModel } from './model-info.ts';

/** What loading has found out, for `model.info()`. */
export interface LoadFacts {
  /** The CPU and a GPU behind one backend; the CPU alone unless given. */
  readonly dispatch?: DispatchBackend | undefined;
  /** Why the CPU computes alone. */
  readonly backendReason?: string;
  /** Why weights are not what the files have. */
  readonly dtypeReason?: string | undefined;
  readonly cache?: CacheInfo;
  readonly stored?: StoredModel;
  readonly adapters?: readonly AdapterInfo[];
  readonly ignoredTensors?: readonly string[];
  /** Why it computes on this thread. */
  readonly workerReason?: string;
  readonly threads?: Threads;
}

const NOT_DOWNLOADED: CacheInfo = { kind: 'none', reason: 'the model is not downloaded' };
const NOT_STORED: StoredModel = { format: 'safetensors', types: {}, notes: [] };

/** What of `model.info()` may change from step to step. */
export type Computing = DispatchInfo & Pick<ModelInfo, 'threads' | 'threadsReason'>;

/** A model whose weights this thread computes with. */
export class LocalHost implements ModelHost {
  readonly #cpu: CpuBackend;
  readonly #config: ModelConfig;
  readonly #facts: LoadFacts;

  constructor(cpu: CpuBackend, config: ModelConfig, facts: LoadFacts = {}) {
    this.#cpu = cpu;
    this.#config = config;
    this.#facts = facts;
  }

  get backend(): Backend {
    return this.#facts.dispatch ?? this.#cpu;
  }

  set onChange(listener: (change: BackendChange | ThreadsChange) => void) {
    const { dispatch, threads } = this.#facts;
    if (dispatch !== undefined) dispatch.onChange = listener;
    if (threads !== undefined) threads.onChange = listener;
  }

  /** Who computes now. */
  computing(): Computing {
    const { dispatch, backendReason = 'asked for' } = this.#facts;
    const alone = { backend: 'wasm', backendReason, routes: onlyRoutes('wasm') } as const;
    const { threads } = this.#cpu.network.compute;
    const threadsReason = this.#facts.threads?.reason ?? 'asked for';
    return { ...(dispatch?.info() ?? alone), threads, threadsReason };
  }

  info(): ModelInfo {
    const { compute, weights } = this.#cpu.network;
    const { simd, reason } = compute.engine.simd;
    const { dtype, bytes, layouts, requantized } = weights.report;
    const { layers, ignoredKeys } = this.#config;
    const { cache = NOT_DOWNLOADED, stored = NOT_STORED, adapters = [] } = this.#facts;
    const { dtypeReason, ignoredTensors = [], workerReason = 'asked for' } = this.#facts;
    const { cacheBytesPerToken, stateBytes } = cacheSizes(this.#config, this.#cpu.cacheDtype);
    return {
      ...this.computing(),
      simd,
      simdReason: reason,
      worker: false,
      workerReason,
      dtype,
      ...(dtypeReason === undefined ? {} : { dtypeReason }),
      cacheDtype: this.#cpu.cacheDtype,
      fingerprint: weights.fingerprint,
      stored,
      adapters,
      parameters: parameterCount(this.#config),
      weightBytes: bytes,
      weights: layouts,
      requantized,
      cacheBytesPerToken,
      stateBytes,
      denseCacheBytesPerToken: bytesOf(layers * denseNumbersPerToken(this.#config)),
      cache,
      ignoredKeys,
      ignoredTensors,
    };
  }

  memory(): MemoryInfo {
    const { used, size, limit } = this.#cpu.network.compute.heap;
    return { used, size, limit };
  }
}
