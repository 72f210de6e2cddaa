import type { AdapterInfo, MemoryInfo, Model, ModelConfig, ModelInfo } from '../../index.ts';
import { BYTES_PER_NUMBER, cacheTable, renderCacheTable, type CacheRow } from './cache-table.ts';
import { matchedMha } from './paper-models.ts';
import { featureRows } from './model-features.ts';
import { isAddress } from '../open-model.ts';
import { count, decimals, renderTable, type Row } from './table.ts';

/** Cache of another attention, and how many times ours it is. */
export interface Comparison {
  readonly heads: number;
  readonly cacheBytesPerToken: number;
  /** null where ours does not grow with the context. */
  readonly ratio: number | null;
}

/** What `tpa info` says of a model. */
export interface ModelReport
  extends Omit<ModelConfig, 'ignoredKeys'>, Omit<ModelInfo, 'denseCacheBytesPerToken'> {
  readonly path: string;
  readonly hasTokenizer: boolean;
  /** Bytes in use: weights, activations and caches, padding included. */
  readonly memoryBytes: number;
  readonly mhaSameHeads: Comparison;
  /** null where the paper has no model of this shape. */
  readonly mhaSameParameters: (Comparison & { readonly name: string }) | null;
  /** Every mechanism with this model's heads. */
  readonly cacheTable: readonly CacheRow[];
}

/** Gathers the facts. */
export function describeModel(
  model: Pick<Model, 'config' | 'tokenizer'> & { info(): ModelInfo; memory(): MemoryInfo },
  path: string,
): ModelReport {
  const { config } = model;
  const { denseCacheBytesPerToken, ...info } = model.info();
  const compare = (heads: number, cacheBytesPerToken: number): Comparison => ({
    heads,
    cacheBytesPerToken,
    ratio: info.cacheBytesPerToken === 0 ? null : cacheBytesPerToken / info.cacheBytesPerToken,
  });
  const matched = matchedMha(config);
  const bytesOf = (numbers: number) => config.layers * numbers * BYTES_PER_NUMBER;
  return {
    path: withoutSecrets(path),
    ...config,
    ...info,
    hasTokenizer: model.tokenizer !== undefined,
    memoryBytes: model.memory().used,
    mhaSameHeads: compare(config.heads, denseCacheBytesPerToken),
    mhaSameParameters: matched
      ? { name: matched.name, ...compare(matched.heads, bytesOf(matched.numbersPerToken)) }
      : null,
    cacheTable: cacheTable(config, info),
  };
}

/** An address without password and query; a path as it is. */
export function withoutSecrets(path: string): string {
  if (!isAddress(path)) return path;
  return Object.assign(new URL(path), { username: '', password: '', search: '', hash: '' }).href;
}

/** Lines for a reader. */
export function renderModel(report: ModelReport): string {
  const { layers, dim, hiddenDim } = report;
  const { mhaSameHeads, mhaSameParameters, ignoredKeys, ignoredTensors } = report;
  const rows: Row[] = [
    ['model', report.path],
    ['format', renderStored(report.stored)],
    ...report.stored.notes.map((note): Row => ['note', note]),
    ...report.adapters.map((adapter): Row => ['adapter', renderAdapter(adapter)]),
    ['layers', `${layers}, dim ${dim}, feed-forward ${hiddenDim}`],
    ...featureRows(report),
    ['vocabulary', `${count(report.vocabSize)}${report.hasTokenizer ? '' : ', no tokenizer'}`],
    ['context', `${count(report.contextLength)} tokens`],
    ['parameters', count(report.parameters)],
    ...weightRows(report),
    ['memory', `${count(report.memoryBytes)} bytes with activations, before any context`],
    ['cache', `${count(report.cacheBytesPerToken)} bytes per token (${report.cacheDtype})`],
    ['  MHA, same heads', renderComparison(mhaSameHeads)],
    [
      '  MHA, same parameters',
      mhaSameParameters
        ? `${renderComparison(mhaSameParameters)} (T6 ${mhaSameParameters.name} of the paper)`
        : 'not known for this shape',
    ],
    ['backend', `${report.backend}: ${report.backendReason}`],
    ...gpuRows(report),
    ['threads', `${report.threads}: ${report.threadsReason}`],
    ['worker', `${report.worker ? 'yes' : 'no'}: ${report.workerReason}`],
    ['SIMD', `${report.simd}: ${report.simdReason}`],
    ['ignored keys', ignoredKeys.join(', ') || 'none'],
    ['ignored tensors', ignoredTensors.join(', ') || 'none'],
  ];
  const about = 'Cache of one token by mechanism, all with these heads; * is this model:';
  return `${renderTable(rows)}\n${about}\n\n${renderCacheTable(report.cacheTable)}`;
}

/** What weights are computed with, and what that has changed in them. */
function weightRows({ weightBytes, dtype, dtypeReason, weights, requantized }: ModelReport): Row[] {
  const parts = weights.map(({ layout, tensors, bytes }) => {
    return `${layout} ${count(tensors)} tensors, ${count(bytes)} bytes`;
  });
  const why = dtypeReason === undefined ? '' : `: ${dtypeReason}`;
  const changes = requantized.map(({ type, to, what, tensors, error }) => {
    return `${what} of ${tensors} ${type} to ${to}, ${(100 * error).toPrecision(2)} %`;
  });
  return [
    ['weights', `${count(weightBytes)} bytes (${dtype})${why}`],
    ['  in', parts.join('; ')],
    ...(changes.length > 0 ? [['  rounded', changes.join('; ')] as const] : []),
  ];
}

/** `lora/tales, rank 8 times 0.5 in 42 matrices`. */
function renderAdapter({ source, rank, scale, modules, ignoredKeys }: AdapterInfo): string {
  const times = scale === 1 ? '' : ` times ${scale}`;
  const ignored = ignoredKeys.length === 0 ? '' : `, ignored keys ${ignoredKeys.join(', ')}`;
  return `${source}, rank ${rank}${times} in ${count(modules)} matrices${ignored}`;
}

/** `GGUF, tensors stored as Q4_K 84, F32 33`. */
function renderStored({ format, types }: ModelInfo['stored']): string {
  const counts = Object.entries(types).map(([type, tensors]) => `${type} ${count(tensors)}`);
  return `${format === 'gguf' ? 'GGUF' : format}, tensors stored as ${counts.join(', ')}`;
}

/** Of a GPU that computes or has computed. */
function gpuRows({ gpu }: ModelReport): Row[] {
  if (gpu === undefined) return [];
  const { adapter, isSoftware, dtype, onnxruntimeVersion, losses } = gpu;
  const lost = losses === 0 ? '' : `, lost ${losses} times`;
  const kind = isSoftware ? ' (software)' : '';
  return [['GPU', `${adapter}${kind}, weights ${dtype}, onnxruntime ${onnxruntimeVersion}${lost}`]];
}

function renderComparison({ heads, cacheBytesPerToken, ratio }: Comparison): string {
  const times = ratio === null ? 'ours does not grow' : `${decimals(ratio)} times as much`;
  return `${count(cacheBytesPerToken)} bytes with ${heads} heads, ${times}`;
}
