import { layerCacheBytes } from '../cache/layer-cache.ts';
import type { Compute } from '../compute/compute.ts';
import { QUERY_BLOCK } from '../compute/order.ts';
import type { ModelConfig } from '../format/config/model-config.ts';
import { attentionSpec } from '../format/config/attention-spec.ts';
import type { CacheDtype } from '../layout/cache-dtype.ts';
import type { WeightDtypes } from '../weights/dtypes.ts';
import { type WeightNeeds, weightNeeds } from '../weights/weights.ts';
import { tableBytes, workspaceBytes } from './workspace.ts';

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
  /** What steps are computed in. */
  readonly workspace: number;
  /** The cache of a session that is full, and the tables that rotate it. */
  readonly context: number;
  /** Once it is loaded, without a session. */
  readonly loaded: number;
  /** At most, while the model loads or computes. */
  readonly needed: number;
}

/**
 * What a model of this configuration needs. Nothing is kept.
 *
 * @param dtypes which layouts its weights take, float32 unless given
 * @param cacheDtype how its session caches factors, float32 unless given
 * @throws TpaError `OUT_OF_MEMORY`
 */
export function memoryNeeds(
  compute: Compute,
  config: ModelConfig,
  dtypes?: WeightDtypes,
  cacheDtype?: CacheDtype,
): MemoryNeeds {
  return needsWith(compute, config, weightNeeds(compute, config, dtypes), cacheDtype);
}

/** What a model needs whose weights take so much. */
export function needsWith(
  compute: Compute,
  config: ModelConfig,
  weights: WeightNeeds,
  cacheDtype?: CacheDtype,
): MemoryNeeds {
  const { layers, contextLength } = config;
  const spec = attentionSpec(config);
  const caches = layers * layerCacheBytes(compute, spec, contextLength, cacheDtype);
  const tables = tableBytes(compute, config);
  const context = caches + tables;
  const workspace = workspaceBytes(compute, config, stepTokens(config), cacheDtype);
  const { bytes, loading } = weights;
  const needed = compute.heap.base + bytes + Math.max(loading, workspace + context);
  return { weights: bytes, workspace, context, loaded: bytes + workspace + tables, needed };
}

/** Layouts that a model is loaded with, and what it needs then. */
export interface FittingDtypes {
  readonly dtypes: WeightDtypes;
  readonly needs: MemoryNeeds;
  /** Why they are not those that were asked for. */
  readonly reason?: string;
}

/**
 * The layouts that are asked for; in place of `'auto'`, where the floats of the files do not fit,
 * `'q8'`, which may not fit either.
 *
 * @throws TpaError `OUT_OF_MEMORY`
 */
export function fitDtypes(
  compute: Compute,
  config: ModelConfig,
  asked: WeightDtypes,
  cacheDtype?: CacheDtype,
  limit = compute.heap.limit,
): FittingDtypes {
  const needs = memoryNeeds(compute, config, asked, cacheDtype);
  if (needs.needed <= limit || asked.option !== 'auto') return { dtypes: asked, needs };
  const dtypes = asked.as('q8');
  const reason = `with its floats as f32 it would need ${needs.needed} bytes of the ${limit} allowed`;
  return { dtypes, needs: memoryNeeds(compute, config, dtypes, cacheDtype), reason };
}
