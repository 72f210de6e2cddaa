/**
 * Models, and the operations alone.
 *
 * @module tpa-wasm
 */
export type { Query } from './ops/attend-task.ts';
export type { Factors, FactorizeSpec, FactorWeights } from './ops/factorize.ts';
export type { RopeDirection, RopePrecision } from './attention/rope.ts';
export type {
  LinearScaling,
  Llama3Scaling,
  LongScaling,
  RopeScaling,
  YarnScaling,
} from './attention/rope.ts';
export type { AttentionSpec, FactorSpec } from './attention/spec.ts';
export type { FactorCacheOptions } from './ops/cache-options.ts';
export type { CachedFactors, CachedHeads, FactorCache } from './ops/factor-cache.ts';
export { TpaError, type TpaErrorCode, type TpaErrorData } from './base/errors.ts';
export { createRuntime } from './ops/create-runtime.ts';
export type { MemoryInfo, Runtime, RuntimeInfo } from './ops/runtime.ts';
export type { RuntimeOptions } from './ops/runtime-options.ts';
export type { SimdOption, WasmSource } from './wasm/binary.ts';
export type { EngineOptions } from './wasm/engine.ts';
export type { NumericArray, TokenIds } from './text/prompt.ts';
export type { LatentSizes, Mechanism, ModelConfig } from './format/config/model-config.ts';
export type { GgufBytes, GgufFile, ModelBytes } from './format/files/bytes-at-hand.ts';
export type { ModelSource } from './format/files/model-source.ts';
export type { GenerationDefaults } from './format/config/generation-config.ts';
export type { ChatMessage, Conversation } from './text/messages.ts';
export type { FinishReason, GeneratedToken, Generation } from './generate/generation.ts';
export { PrefixCache } from './generate/prefix-cache.ts';
export type {
  PrefixCacheOptions,
  PrefixSessionOptions,
  PrefixStats,
  SessionMaker,
} from './generate/prefix-cache.ts';
export type { GenerateOptions, ScoreOptions, SessionOptions } from './generate/options.ts';
export type { Session } from './generate/session.ts';
export { readSnapshotInfo } from './snapshot/read-snapshot-info.ts';
export type { SnapshotInfo, SnapshotInfoOptions } from './snapshot/info.ts';
export type { RestoreOptions, SnapshotMetadata, SnapshotOptions } from './snapshot/options.ts';
export type { SnapshotSource } from './snapshot/source-reader.ts';
export type { CacheDtype } from './layout/cache-dtype.ts';
export {
  BackendChangeEvent,
  type BackendChange,
  type BackendChangeListener,
} from './backend/backend-change.ts';
export { ThreadsChangeEvent } from './backend/threads-change.ts';
export type { ThreadsChange, ThreadsOption } from './threads/threads.ts';
export type { Figures, SideFigures } from './backend/dispatch/cost-model.ts';
export type { PhaseRoute, Routes } from './backend/dispatch/routes.ts';
export type { Side } from './backend/backend.ts';
export type { DispatchInfo, GpuInfo } from './backend/dispatch/info.ts';
export type { GpuOptions } from './backend/gpu-options.ts';
export type { OpDispatchInfo, OpFigures, OpGpuInfo } from './ops/figures.ts';
export type { WebGpuOptions } from './backend/webgpu/open.ts';
export type { WorkerSource } from './backend/webgpu/client/worker-port.ts';
export { loadModel } from './load/load-model.ts';
export type { CacheOption } from './download/open-remote.ts';
export type { LoadProgress } from './download/load-progress.ts';
export type {
  CachedFile,
  CacheInfo,
  CacheWriter,
  FileFacts,
  ModelCache,
} from './download/cache/model-cache.ts';
export type { AdapterInfo } from './lora/adapter.ts';
export type { AdapterBytes, AdapterSource, LoraAdapter } from './lora/adapter-source.ts';
export type { LoadOptions } from './load/load-options.ts';
export { estimateModel, type EstimateOptions } from './load/estimate-model.ts';
export type { Estimate } from './load/estimate-files.ts';
export type { Model } from './load/model.ts';
export type { ModelInfo, StoredModel } from './load/model-info.ts';
export type { StartWorker, WorkerEvents, WorkerPort, WorkerRole } from './base/worker-port.ts';
export type { DtypeOption } from './weights/dtypes.ts';
export type { WeightDtype } from './layout/packed-weight.ts';
export type { LayoutReport } from './weights/report.ts';
export type { Requantized } from './weights/stream/block-maker.ts';
export type { DecodeOptions, EncodeOptions, TextTokenizer } from './text/tokenizer.ts';
