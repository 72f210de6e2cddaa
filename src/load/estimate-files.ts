import { checkAbort } from '../base/errors.ts';
import { Compute } from '../compute/compute.ts';
import { readConfig } from '../format/config/read-config.ts';
import type { ModelConfig } from '../format/config/model-config.ts';
import { isWeightsFile, type ModelFiles } from '../format/files/model-files.ts';
import { openContents } from '../format/open-contents.ts';
import type { TensorSet } from '../format/tensors/tensors.ts';
import { fitDtypes } from '../model/budget.ts';
import { cacheSizes, type CacheSizes } from '../model/cache-sizes.ts';
import { longestContext } from '../model/check-budget.ts';
import type { Engine } from '../wasm/engine.ts';
import { WeightDtypes } from '../weights/dtypes.ts';
import type { CacheDtype } from '../layout/cache-dtype.ts';
import type { WeightReport } from '../weights/report.ts';
import { checkTensors, parameterCount } from '../weights/tensors.ts';
import { plannedWeights } from '../weights/weights.ts';
import type { Adapters } from './adapters.ts';
import type { LoadOptions } from './load-options.ts';

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
  readonly cacheDtype: CacheDtype;
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
 * What a model in some files will take; of weights the headers alone are read.
 *
 * @throws as `estimateModel`
 */
export async function estimateFiles(
  { contextLength, dtype = 'auto', cacheDtype, signal }: LoadOptions,
  files: ModelFiles,
  engine: Engine,
  adapters: Adapters | undefined,
): Promise<Estimate> {
  const sizes: number[] = [];
  const { config: json, tensors } = await openContents(sized(files, sizes), signal);
  const own = await readConfig(json, tensors.entries, undefined);
  const config = await readConfig(json, tensors.entries, contextLength);
  const { extras } = checkTensors(config, tensors.entries);
  const adapted = await adapters?.adapt(tensors, config, extras);
  checkAbort(signal);
  const asked = new WeightDtypes(dtype, adapted?.stored ?? tensors.entries);
  const told = estimate(new Compute(engine), config, own, asked, cacheDtype);
  return { fileBytes: fileBytes(sizes, tensors), ...told };
}

/** @param own the configuration with the model's own context */
function estimate(
  compute: Compute,
  config: ModelConfig,
  own: ModelConfig,
  asked: WeightDtypes,
  cacheDtype: CacheDtype = 'f32',
): Omit<Estimate, 'fileBytes'> {
  const { limit } = compute.heap;
  const { dtypes, needs, reason = reasonOf(asked) } = fitDtypes(compute, config, asked, cacheDtype);
  const { dtype, bytes, layouts } = plannedWeights(compute, config, dtypes);
  return {
    parameters: parameterCount(config),
    dtype,
    dtypeReason: reason,
    cacheDtype: config.isLinear ? 'f32' : cacheDtype,
    weightBytes: bytes,
    weights: layouts,
    workspaceBytes: needs.workspace,
    loadedBytes: needs.loaded,
    ...cacheSizes(config, cacheDtype),
    contextLength: config.contextLength,
    contextBytes: needs.context,
    totalBytes: needs.needed,
    memoryLimit: limit,
    fits: needs.needed <= limit,
    longestContext: longestContext(compute, own, limit, dtypes, cacheDtype),
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
