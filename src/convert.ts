/**
 * Checkpoints in foreign formats, converted to files that `loadModel` reads.
 *
 * @module tpa-wasm/convert
 */
export type { Checkpoint, CheckpointTensor } from './convert/checkpoint.ts';
export type { GgufDtype, WrittenTensor } from './convert/gguf/stored-tensor.ts';
export type { JsonObject } from './format/files/json.ts';
export {
  convertCheckpoint,
  CONVERTED_NAMES,
  type ConvertedFile,
  type ConvertOptions,
} from './convert/converted-files.ts';
export type { TensorDtype } from './format/tensors/half.ts';
export { type CheckpointOptions, openCheckpoint } from './convert/open-checkpoint.ts';
export type { AdapterInfo } from './lora/adapter.ts';
export type { AdapterBytes, AdapterSource, LoraAdapter } from './lora/adapter-source.ts';
export { TpaError, type TpaErrorCode, type TpaErrorData } from './base/errors.ts';
