import { checkAbort } from '../base/errors.ts';
import { Compute } from '../compute/compute.ts';
import { readConfig } from '../format/config/read-config.ts';
import type { ModelConfig } from '../format/config/model-config.ts';
import { isWeightsFile, type ModelFiles } from '../format/files/model-files.ts';
import type { ModelSource } from '../format/files/model-source.ts';
import { openContents } from '../format/open-contents.ts';
import type { TensorSet } from '../format/tensors/tensors.ts';
import { cacheSizes, type CacheSizes, fitDtypes, longestContext } from '../model/budget.ts';
import type { Engine } from '../wasm/engine.ts';
import { withFiles } from './with-files.ts';
import { WeightDtypes } from '../weights/dtypes.ts';
import type { WeightReport } from '../weights/report.ts';
import { checkTensors, parameterCount } from '../weights/tensors.ts';
import { plannedWeights } from '../weights/weights.ts';
import { checkOptions, type LoadOptions } from './load-options.ts';

const OPTIONS: readonly (keyof EstimateOptions)[] = [
  'simd',
  'memoryLimit',
  'wasm',
  'contextLength',
  'dtype',
  'cacheDtype',
  'cache',
  'fetch',
  'endpoint',
  'signal',
];

/** Options of `estimateModel`: those of `loadModel` that decide how much memory a model takes, or how it is reached. */
export type EstimateOptions = Pick<
  LoadOptions,
  | 'simd'
  | 'memoryLimit'
  | 'wasm'
  | 'contextLength'
  | 'dtype'
  | 'cacheDtype'
  | 'cache'
  | 'fetch'
  | 'endpoint'
  | 'signal'
>;

/** What a model will take, in bytes where nothing else is said. */
export interface Estimate extends CacheSizes {
  /** Numbers in all weights, the tied embedding counted once. */
  readonly parameters: number;
  /** The files of weights, as they are stored or downloaded. */
  readonly fileBytes: number;
  /** What matrices would be computed with. */
  readonly dtype: WeightReport['dtype'];
  /** Why. */
  readonly dtypeReason: string;
  /** How factors would be cached. */
  readonly cacheDtype: 'f32';
  /** Weights in memory. */
  readonly weightBytes: number;
  /** The layouts of weights; float32 are vectors at least. */
  readonly weights: WeightReport['layouts'];
  /** What steps are computed in. */
  readonly workspaceBytes: number;
  /** What `model.memory().used` would be, before any session. */
  readonly loadedBytes: number;
  /** Tokens of context that all of this is for. */
  readonly contextLength: number;
  /** The cache of one session that is full. */
  readonly contextBytes: number;
  /** All of it with what the kernels keep: the least `memoryLimit` that the model loads with. */
  readonly totalBytes: number;
  /** What is allowed, in whole pages of 64 KiB. */
  readonly memoryLimit: number;
  /** Whether it would load. */
  readonly fits: boolean;
  /** Tokens of context, of those that the model has, with which it would; 0 for none. */
  readonly longestContext: number;
}

/**
 * Tells how much memory a model takes before it is loaded, from its configuration and the headers of
 * its files alone: of an address some kilobytes are downloaded, or what a server without ranges has
 * sent by then. Loading takes what is told, to the byte.
 *
 * @param source as of `loadModel`
 * @param options what it would be loaded with
 * @throws as `loadModel` for what it would not load, but for a memory that is too small
 * @example
 * const { totalBytes, longestContext } = await estimateModel('models/t6-fairytales', {
 *   memoryLimit: 128e6,
 * });
 */
export async function estimateModel(
  source: ModelSource,
  options: EstimateOptions = {},
): Promise<Estimate> {
  checkOptions('estimateModel', OPTIONS, options);
  const { contextLength, dtype = 'auto', signal } = options;
  const read = async (files: ModelFiles, engine: Engine): Promise<Estimate> => {
    const sizes: number[] = [];
    const { config: json, tensors } = await openContents(sized(files, sizes), signal);
    const own = await readConfig(json, tensors.entries, undefined);
    const config = await readConfig(json, tensors.entries, contextLength);
    checkTensors(config, tensors.entries);
    checkAbort(signal);
    const asked = new WeightDtypes(dtype, tensors.entries);
    const told = estimate(new Compute(engine), config, own, asked);
    return { fileBytes: fileBytes(sizes, tensors), ...told };
  };
  return withFiles(source, options, read, true);
}

/** @param own the configuration with the model's own context */
function estimate(
  compute: Compute,
  config: ModelConfig,
  own: ModelConfig,
  asked: WeightDtypes,
): Omit<Estimate, 'fileBytes'> {
  const { limit } = compute.heap;
  const { dtypes, needs, reason = reasonOf(asked) } = fitDtypes(compute, config, asked);
  const { dtype, bytes, layouts } = plannedWeights(compute, config, dtypes);
  return {
    parameters: parameterCount(config),
    dtype,
    dtypeReason: reason,
    cacheDtype: 'f32',
    weightBytes: bytes,
    weights: layouts,
    workspaceBytes: needs.workspace,
    loadedBytes: needs.loaded,
    ...cacheSizes(config),
    contextLength: config.contextLength,
    contextBytes: needs.context,
    totalBytes: needs.needed,
    memoryLimit: limit,
    fits: needs.needed <= limit,
    longestContext: longestContext(compute, own, limit, dtypes),
  };
}

function reasonOf({ option }: WeightDtypes): string {
  return option === 'auto' ? 'what the files have' : 'asked for';
}

/** The same files; tells the sizes of those of weights. */
function sized(files: ModelFiles, sizes: number[]): ModelFiles {
  const isWeights = (file: string): boolean => files.gguf?.includes(file) ?? isWeightsFile(file);
  return {
    name: files.name,
    gguf: files.gguf,
    async open(file) {
      const source = await files.open(file);
      if (source !== undefined && isWeights(file)) sizes.push(source.size);
      return source;
    },
    close: () => files.close(),
  };
}

/** A server may not say how long a file is: then its tensors are counted. */
function fileBytes(sizes: readonly number[], { entries }: TensorSet): number {
  const known = sizes.reduce((sum, size) => sum + size, 0);
  if (Number.isFinite(known)) return known;
  return Array.from(entries.values()).reduce((sum, { byteLength }) => sum + byteLength, 0);
}
