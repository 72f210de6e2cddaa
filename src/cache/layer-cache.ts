import type { AttentionSpec } from '../attention/spec.ts';
import type { Compute } from '../compute/compute.ts';
import type { CacheDtype } from '../layout/cache-dtype.ts';
import { PAGE_TOKENS, pageBytes } from '../layout/pages.ts';
import type { FixedFactors } from '../layout/records.ts';
import { LinearState, statesBytes } from './linear-state.ts';
import { FIRST_CAPACITY, PagedCache, tableBytes } from './pages.ts';

/** One layer's memory of the tokens before. */
export type LayerCache = PagedCache | LinearState;

/**
 * An empty one: a state for linear attention, pages for every other mechanism.
 *
 * @throws TpaError `OUT_OF_MEMORY`
 */
export function createLayerCache(
  compute: Compute,
  spec: AttentionSpec,
  fixed?: FixedFactors,
  dtype?: CacheDtype,
): LayerCache {
  return spec.score === 'linear'
    ? new LinearState(compute, spec)
    : new PagedCache(compute, spec, fixed, dtype);
}

/** The caches of all layers, or none: a failure gives back what was made. */
export function createLayers(count: number, create: (layer: number) => LayerCache): LayerCache[] {
  const caches: LayerCache[] = [];
  try {
    for (let layer = 0; layer < count; layer++) caches.push(create(layer));
    return caches;
  } catch (error) {
    for (const cache of caches) cache.dispose();
    throw error;
  }
}

/** Bytes that a layer's memory of `tokens` tokens takes at most, on the way there included. */
export function layerCacheBytes(
  compute: Compute,
  spec: AttentionSpec,
  tokens: number,
  dtype?: CacheDtype,
): number {
  return spec.score === 'linear'
    ? statesBytes(compute, spec, tokens)
    : pagedBytes(compute, spec, tokens, dtype);
}

/** Pages, and each table that they outgrow. */
function pagedBytes(
  { heap }: Compute,
  spec: AttentionSpec,
  tokens: number,
  dtype?: CacheDtype,
): number {
  const pages = Math.ceil(tokens / PAGE_TOKENS);
  let bytes = pages * heap.regionBytes(pageBytes(spec, dtype));
  for (let capacity = FIRST_CAPACITY; ; capacity *= 2) {
    bytes += heap.regionBytes(tableBytes(capacity));
    if (capacity >= pages) return bytes;
  }
}
