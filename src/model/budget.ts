import { cacheNumbersPerToken, linearStateNumbers } from '../attention/spec.ts';
import { TpaError } from '../base/errors.ts';
import { layerCacheBytes } from '../cache/layer-cache.ts';
import type { Compute } from '../compute/compute.ts';
import { QUERY_BLOCK } from '../compute/order.ts';
import type { ModelConfig } from '../format/config/model-config.ts';
import { attentionSpec } from '../format/config/attention-spec.ts';
import { bytesOf } from '../layout/numbers.ts';
import { STREAM_BYTES } from '../weights/stream.ts';
import { weightBytes } from '../weights/weights.ts';
import { tableBytes, workspaceBytes } from './workspace.ts';

/** What a cache grows by, all layers. */
export interface CacheSizes {
  /** Bytes of a token; 0 for linear attention. */
  readonly cacheBytesPerToken: number;
  /** Bytes of one state of linear attention; 0 for a cache that grows. */
  readonly stateBytes: number;
}

/** What the caches of a model store, padding aside. */
export function cacheSizes(config: ModelConfig): CacheSizes {
  const spec = attentionSpec(config);
  return {
    cacheBytesPerToken: bytesOf(config.layers * cacheNumbersPerToken(spec)),
    stateBytes: bytesOf(config.layers * linearStateNumbers(spec)),
  };
}

/**
 * Tokens of one step at most: enough rows to reuse a panel of weights, few enough that an abort is
 * seen within a chunk (T6-small, 124 M parameters: 0.29 s on one Zen 3 core, relaxed binary).
 */
export function stepTokens({ contextLength }: ModelConfig): number {
  return Math.min(QUERY_BLOCK, contextLength);
}

/** Bytes of memory that a model takes with one session of its whole context. */
export interface MemoryNeeds {
  readonly weights: number;
  /** The cache of a session that is full, and the tables that rotate it. */
  readonly context: number;
  /** At most, while the model loads or computes. */
  readonly needed: number;
}

/**
 * What a model of this configuration needs. Nothing is kept.
 *
 * @param weights bytes that its weights take
 * @throws TpaError `OUT_OF_MEMORY`
 */
export function memoryNeeds(
  compute: Compute,
  config: ModelConfig,
  weights = weightBytes(compute, config),
): MemoryNeeds {
  const { layers, contextLength } = config;
  const caches = layers * layerCacheBytes(compute, attentionSpec(config), contextLength);
  const context = caches + tableBytes(compute, config);
  const steps = workspaceBytes(compute, config, stepTokens(config));
  const needed = compute.heap.base + weights + Math.max(STREAM_BYTES, steps + context);
  return { weights, context, needed };
}

/**
 * The longest context, up to the configuration's, with which a model loads and one session of it can
 * be filled.
 *
 * @returns tokens; 0 if it does not fit at all
 * @throws TpaError `OUT_OF_MEMORY`
 */
export function longestContext(compute: Compute, config: ModelConfig, limitBytes: number): number {
  const weights = weightBytes(compute, config);
  let [fits, tooLong] = [0, config.contextLength + 1];
  while (tooLong - fits > 1) {
    const contextLength = Math.floor((fits + tooLong) / 2);
    const { needed } = memoryNeeds(compute, { ...config, contextLength }, weights);
    if (needed <= limitBytes) fits = contextLength;
    else tooLong = contextLength;
  }
  return fits;
}

/**
 * Refuses a model that cannot fit with one session of its whole context, before anything is read.
 *
 * @throws TpaError `RESOURCE_LIMIT` with data `{ needed, limit }`, `OUT_OF_MEMORY`
 */
export function checkBudget(
  compute: Compute,
  config: ModelConfig,
  limit = compute.heap.limit,
): void {
  const { weights, context, needed } = memoryNeeds(compute, config);
  if (needed <= limit) return;
  const longest = longestContext(compute, config, limit);
  const cure = longest > 0 ? `"contextLength" of at most ${longest}` : 'larger "memoryLimit"';
  const message =
    `model expected to fit ${limit} bytes, needs ${needed}: ${weights} for weights, ${context} ` +
    `for a context of ${config.contextLength} tokens, and room to compute; load it with a ${cure}`;
  throw new TpaError('RESOURCE_LIMIT', message, { data: { needed, limit } });
}
