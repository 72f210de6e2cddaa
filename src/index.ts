/**
 * Models, and the operations alone.
 *
 * @module tpa-wasm
 */
export type { Query } from './attention/attend-task.ts';
export type { Factors, FactorizeSpec, FactorWeights } from './attention/factorize.ts';
export type { RopeDirection, RopePrecision } from './attention/rope.ts';
export type {
  LinearScaling,
  Llama3Scaling,
  RopeScaling,
  YarnScaling,
} from './attention/rope-scaling.ts';
export type { AttentionSpec, FactorSpec } from './attention/spec.ts';
export type { FactorCacheOptions } from './cache/cache-options.ts';
export type { CachedFactors, CachedHeads, FactorCache } from './cache/factor-cache.ts';
export { TpaError, type TpaErrorCode, type TpaErrorData } from './errors.ts';
export { createRuntime, type MemoryInfo, type Runtime, type RuntimeInfo } from './runtime.ts';
export type { RuntimeOptions } from './runtime-options.ts';
export type { SimdOption, WasmSource } from './wasm/binary.ts';
export type { EngineOptions } from './wasm/engine.ts';
export type { NumericArray, TokenIds } from './generate/prompt.ts';
export type { LatentSizes, Mechanism, ModelConfig } from './format/model-config.ts';
export type { ModelBytes, ModelSource } from './format/model-files.ts';
export type { GenerationDefaults } from './format/generation-config.ts';
export type { ChatMessage, Conversation } from './generate/messages.ts';
export type { FinishReason, GeneratedToken, Generation } from './generate/generation.ts';
export type { GenerateOptions } from './generate/options.ts';
export type { Session } from './generate/session.ts';
export {
  BackendChangeEvent,
  type BackendChange,
  type BackendChangeListener,
} from './backend/backend-change.ts';
export type { Figures, PhaseRoute, Routes, Side, SideFigures } from './backend/cost-model.ts';
export type { DispatchInfo, GpuInfo } from './backend/dispatch-info.ts';
export type { GpuOptions } from './backend/gpu-options.ts';
export type { OpFigures } from './backend/op-figures.ts';
export type { OpDispatchInfo, OpGpuInfo } from './backend/op-info.ts';
export type { WebGpuOptions } from './backend/webgpu/open.ts';
export type { WorkerSource } from './backend/webgpu/worker-port.ts';
export { loadModel } from './load-model.ts';
export type { CacheOption } from './download/choose-cache.ts';
export type { LoadProgress } from './download/load-progress.ts';
export type {
  CachedFile,
  CacheInfo,
  CacheWriter,
  FileFacts,
  ModelCache,
} from './download/model-cache.ts';
export type { LoadOptions } from './load-options.ts';
export type { Model, ModelInfo } from './model.ts';
export type { TextTokenizer } from './model/tokenizer.ts';
