import { TpaError } from '../base/errors.ts';
import type { Compute } from '../compute/compute.ts';
import type { ModelConfig } from '../format/config/model-config.ts';
import type { CacheDtype } from '../layout/cache-dtype.ts';
import type { WeightDtypes } from '../weights/dtypes.ts';
import { weightNeeds } from '../weights/weights.ts';
import { fitDtypes, type FittingDtypes, needsWith } from './budget.ts';

/*
 * What fits a memory, for those who ask and for models that do not.
 */

/**
 * The longest context, up to the configuration's, with which a model loads and one session of it can
 * be filled.
 *
 * @param dtypes which layouts its weights take, float32 unless given
 * @param cacheDtype how its session caches factors, float32 unless given
 * @returns tokens; 0 if it does not fit at all
 * @throws TpaError `OUT_OF_MEMORY`
 */
export function longestContext(
  compute: Compute,
  config: ModelConfig,
  limitBytes: number,
  dtypes?: WeightDtypes,
  cacheDtype?: CacheDtype,
): number {
  const weights = weightNeeds(compute, config, dtypes);
  let [fits, tooLong] = [0, config.contextLength + 1];
  while (tooLong - fits > 1) {
    const contextLength = Math.floor((fits + tooLong) / 2);
    const { needed } = needsWith(compute, { ...config, contextLength }, weights, cacheDtype);
    if (needed <= limitBytes) fits = contextLength;
    else tooLong = contextLength;
  }
  return fits;
}

/**
 * Refuses a model that cannot fit with one session of its whole context, before anything is read.
 * `'auto'` becomes `'q8'` where that fits and the floats of the files do not.
 *
 * @param asked which layouts are asked for
 * @returns which it takes, see {@link fitDtypes}
 * @throws TpaError `RESOURCE_LIMIT` with data `{ needed, limit }`, `OUT_OF_MEMORY`
 */
export function checkBudget(
  compute: Compute,
  config: ModelConfig,
  asked: WeightDtypes,
  cacheDtype?: CacheDtype,
  limit = compute.heap.limit,
): FittingDtypes {
  const fitting = fitDtypes(compute, config, asked, cacheDtype, limit);
  if (fitting.needs.needed <= limit) return fitting;
  throw tooLarge(compute, config, fitting, limit, cacheDtype);
}

function tooLarge(
  compute: Compute,
  config: ModelConfig,
  { dtypes, needs }: FittingDtypes,
  limit: number,
  cacheDtype?: CacheDtype,
): TpaError {
  const { weights, context, needed } = needs;
  const message =
    `model expected to fit ${limit} bytes, needs ${needed}: ${weights} for weights, ${context} ` +
    `for a context of ${config.contextLength} tokens, and room to compute; load it with a ` +
    cureOf(compute, config, dtypes, limit, cacheDtype);
  return new TpaError('RESOURCE_LIMIT', message, { data: { needed, limit } });
}

const contextOf = (length: number) => `"contextLength" of at most ${length}`;
const dtypeOf = ({ option }: WeightDtypes) => `"dtype" of "${option}"`;

/** Options with which the model fits: as little as possible is given up. */
function cureOf(
  compute: Compute,
  config: ModelConfig,
  dtypes: WeightDtypes,
  limit: number,
  cacheDtype?: CacheDtype,
): string {
  const narrower = (['q8', 'q4'] as const).map((option) => dtypes.as(option));
  const lengths = narrower.map((each) => longestContext(compute, config, limit, each, cacheDtype));
  const whole = narrower[lengths.indexOf(config.contextLength)];
  const longest = longestContext(compute, config, limit, dtypes, cacheDtype);
  const cures = [...(whole ? [dtypeOf(whole)] : []), ...(longest > 0 ? [contextOf(longest)] : [])];
  if (cures.length > 0) return cures.join(' or a ');
  const some = lengths.findIndex((length) => length > 0);
  return some < 0
    ? 'larger "memoryLimit"'
    : `${dtypeOf(narrower[some]!)} and a ${contextOf(lengths[some]!)}`;
}
