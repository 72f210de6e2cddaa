import type { DispatchInfo } from '../backend/dispatch/info.ts';
import type { CacheInfo } from '../download/cache/model-cache.ts';
import type { CacheDtype } from '../layout/cache-dtype.ts';
import type { AdapterInfo } from '../lora/adapter.ts';
import type { RuntimeInfo } from '../ops/runtime.ts';
import type { LayoutReport, WeightReport } from '../weights/report.ts';
import type { Requantized } from '../weights/stream/block-maker.ts';

/** What a model computes with, why, and how large it is. */
export interface ModelInfo
  extends DispatchInfo, Pick<RuntimeInfo, 'simd' | 'simdReason' | 'threads' | 'threadsReason'> {
  /** Whether it computes in a worker of its own, so that this thread is free meanwhile. */
  readonly worker: boolean;
  /** Why, in words. */
  readonly workerReason: string;
  /** What matrices are computed with: codes of 8 or 4 bits in blocks of 32, or `'mixed'`. */
  readonly dtype: WeightReport['dtype'];
  /** Why `dtype: 'auto'` did not keep what the files have, where it did not. */
  readonly dtypeReason?: string;
  /** How sessions cache factors that are not told otherwise. */
  readonly cacheDtype: CacheDtype;
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
  /** Bytes that one more token of such a context costs, all layers; 0 for linear attention. */
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
