import { checkChoice, checkInteger, checkKnown, checkRule } from '../base/arguments.ts';
import type { AttentionSpec } from './spec.ts';

/*
 * Bounds of the kernels' 32-bit arithmetic, far above any model (paper, Table 9: 78 heads of 64):
 * with all three at once a block of queries needs 2 GB of scratch.
 */
export const MAX_HEADS = 1024;
export const MAX_WIDTH = 2048;
export const MAX_RANK = 256;

/** Above it a float32 position loses integers. */
export const MAX_POSITION = 1 << 24;

/** Keys that say which mechanism it is; the options of a cache have none of them. */
export const MECHANISM_KEYS = ['headFactors', 'featureFactors', 'outerDim', 'score', 'scale'];
const SIZES = ['heads', 'headDim', 'valueDim', 'rankK', 'rankV', 'window'];

/** Checks that the fields of a spec fit each other. @throws TypeError, RangeError naming the field */
export function checkAttentionSpec(given: AttentionSpec): AttentionSpec {
  checkKnown('a field of an attention', given, [...SIZES, ...MECHANISM_KEYS]);
  const heads = checkInteger('heads', given.heads, 1, MAX_HEADS);
  const headDim = checkInteger('headDim', given.headDim, 1, MAX_WIDTH);
  const valueDim = checkInteger('valueDim', given.valueDim, 1, MAX_WIDTH);
  const { headFactors = 'contextual', featureFactors = 'contextual', score = 'softmax' } = given;
  checkChoice('headFactors', headFactors, ['contextual', 'fixed', 'groups']);
  const features = ['contextual', 'fixed', 'shared', 'outer', 'latent'] as const;
  checkChoice('featureFactors', featureFactors, features);
  checkChoice('score', score, ['softmax', 'linear']);
  const isDense = headFactors === 'groups';
  const isLatent = featureFactors === 'latent';
  const rankK = checkInteger('rankK', given.rankK, 1, isDense ? heads : MAX_RANK);
  checkInteger('rankV', given.rankV, 1, isDense ? heads : MAX_RANK);

  if (isLatent) {
    checkRule('featureFactors', isDense, '"latent" with headFactors "groups" only', 'latent');
    checkRule('rankK', rankK === 1, '1 with "latent"', rankK);
    checkRule('valueDim', valueDim <= headDim, `at most the headDim ${headDim}`, valueDim);
  } else if (isDense) {
    const isPlain = featureFactors === 'contextual';
    checkRule('featureFactors', isPlain, '"contextual" or "latent" with "groups"', featureFactors);
    checkRule('rankK', heads % rankK === 0, `a divisor of ${heads} heads`, rankK);
  }
  if (isDense || featureFactors === 'shared') {
    checkRule('rankV', given.rankV === rankK, `the ${rankK} of rankK`, given.rankV);
  }
  if (featureFactors === 'shared') {
    checkRule('valueDim', valueDim === headDim, `the ${headDim} of headDim`, valueDim);
  }
  if (featureFactors === 'outer') {
    const outerDim = checkInteger('outerDim', given.outerDim, 1, headDim);
    const isWhole = headDim % outerDim === 0 && valueDim % outerDim === 0;
    checkRule('outerDim', isWhole, 'a divisor of headDim and valueDim', outerDim);
  }
  if (given.window !== undefined) {
    checkRule('window', isDense, 'none without headFactors "groups"', given.window);
    checkInteger('window', given.window, 1);
  }
  return given;
}
