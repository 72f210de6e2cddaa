import { checkChoice, checkInteger, checkObject, checkRule } from '../base/arguments.ts';
import {
  MAX_HEADS,
  MAX_POSITION,
  MAX_RANK,
  MAX_WIDTH,
  MECHANISM_KEYS,
} from '../attention/check-spec.ts';
import { CACHE_DTYPES, type CacheDtype } from '../layout/cache-dtype.ts';
import type { AttentionSpec } from '../attention/spec.ts';

/** Sizes of a cache; `valueDim` is `headDim` unless given. */
export interface FactorCacheOptions {
  /** Query heads. */
  readonly heads: number;
  /** Width of a key. */
  readonly headDim: number;
  /** Width of a value, default `headDim`. */
  readonly valueDim?: number;
  /** Pairs of factors of K; needed unless there are `kvHeads`, which take its place. */
  readonly rankK?: number;
  /** Pairs of factors of V; as `rankK`. */
  readonly rankV?: number;
  /** K/V heads of MHA, MQA or GQA, a divisor of `heads`: K and V are cached as they are. */
  readonly kvHeads?: number;
  /** Latest tokens that a query sees, default all; only with `kvHeads`. */
  readonly window?: number;
  /** How factors are stored: `'f32'` (the default), or as codes of 16 (`'i16'`) or 8 bits (`'q8'`). */
  readonly dtype?: CacheDtype;
}

/** Checks the sizes of a cache. @throws TypeError, RangeError */
export function checkCacheOptions(options: FactorCacheOptions): AttentionSpec {
  checkObject('options', options);
  const { dtype = 'f32', kvHeads, window } = options;
  checkChoice('dtype', dtype, CACHE_DTYPES);
  const heads = checkInteger('heads', options.heads, 1, MAX_HEADS);
  const headDim = checkInteger('headDim', options.headDim, 1, MAX_WIDTH);
  const { valueDim: width = headDim } = options;
  const valueDim = checkInteger('valueDim', width, 1, MAX_WIDTH);
  const sizes = { heads, headDim, valueDim };
  const key = MECHANISM_KEYS.find((name) => Object.hasOwn(options, name));
  if (key !== undefined) {
    throw new TypeError(`"${key}" expected to be absent: a cache is of factors, or of "kvHeads"`);
  }
  if (kvHeads !== undefined) {
    checkInteger('kvHeads', kvHeads, 1, heads);
    checkRule('kvHeads', heads % kvHeads === 0, `a divisor of ${heads} heads`, kvHeads);
    refuseWith('kvHeads', options, ['rankK', 'rankV']);
    const dense = { ...sizes, rankK: kvHeads, rankV: kvHeads, headFactors: 'groups' as const };
    if (window === undefined) return dense;
    return { ...dense, window: checkInteger('window', window, 1, MAX_POSITION) };
  }
  refuseWith('rankK', options, ['window']);
  return {
    ...sizes,
    rankK: checkInteger('rankK', options.rankK, 1, MAX_RANK),
    rankV: checkInteger('rankV', options.rankV, 1, MAX_RANK),
  };
}

function refuseWith(
  chosen: string,
  options: FactorCacheOptions,
  others: readonly (keyof FactorCacheOptions)[],
): void {
  const other = others.find((name) => options[name] !== undefined);
  if (other !== undefined) throw new TypeError(`"${other}" expected to be absent with "${chosen}"`);
}
