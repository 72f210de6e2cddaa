import type { RopeDirection } from '../compute/rope.ts';
import { type AttentionSpec, storedNumbers } from '../attention/spec.ts';
import type { Heap } from '../wasm/heap.ts';

/** Factors that are parameters of the model, and tables to rotate keys by; addresses, 0 for none. */
export interface FixedFactors {
  /**
   * A_K (rankK, heads, 48), each number in all 48 lanes, and a row more that is read and not used;
   * A_V (rankV, heads, 48).
   */
  readonly ak?: number;
  readonly av?: number;
  /** B_K (rankK, headDim), and B_V (rankV, 96, valueDim rounded up to 4), each row 96 times. */
  readonly bk?: number;
  readonly bv?: number;
  /** Cosines and sines (positions, pairs), of all positions of all pages. */
  readonly cos?: number;
  readonly sin?: number;
  readonly pairs?: number;
  readonly direction?: RopeDirection;
}

/** `form` of the kernels' CacheShape. */
const FORMS = ['contextual', 'fixed', 'shared', 'outer', 'latent'] as const;

/** Bytes of the kernels' CacheShape (assembly/layout/pages.ts), which {@link writeShape} writes. */
export const SHAPE_BYTES = 18 * 4;

/** Writes what the kernels know of a cache. */
export function writeShape(
  heap: Heap,
  at: number,
  spec: AttentionSpec,
  fixed: FixedFactors = {},
): void {
  const { heads, headDim, valueDim, rankK, rankV, outerDim = 0 } = spec;
  const { keyRows, headRows, valueRows } = storedNumbers(spec);
  const form = FORMS.indexOf(spec.featureFactors ?? 'contextual');
  const { ak = 0, av = 0, bk = 0, bv = 0, cos = 0, sin = 0, pairs = 0, direction = 1 } = fixed;
  const sizes = [heads, headDim, valueDim, rankK, rankV, keyRows, headRows, valueRows];
  heap.words(at, 17).set([...sizes, form, outerDim, ak, av, bk, bv, cos, sin, pairs]);
  heap.floats(at + 17 * 4, 1)[0] = direction;
}
