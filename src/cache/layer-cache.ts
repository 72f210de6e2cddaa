import type { AttentionSpec } from '../attention/spec.ts';
import type { Compute } from '../compute/compute.ts';
import type { FixedFactors } from '../layout/records.ts';
import { LinearState } from './linear-state.ts';
import { PagedCache } from './pages.ts';

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
): LayerCache {
  return spec.score === 'linear'
    ? new LinearState(compute, spec)
    : new PagedCache(compute, spec, fixed);
}
