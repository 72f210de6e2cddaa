import { checkInteger, checkKnown, MAX_HEADS, MAX_RANK, MAX_WIDTH } from '../base/arguments.ts';
import type { AttentionSpec } from './spec.ts';

const HEAD_FACTORS = ['contextual', 'fixed', 'groups'] as const;
const FEATURE_FACTORS = ['contextual', 'fixed', 'shared', 'outer', 'latent'] as const;
const SCORES = ['softmax', 'linear'] as const;

/** Keys that say which mechanism it is; the options of a cache have none of them. */
export const MECHANISM_KEYS = ['headFactors', 'featureFactors', 'outerDim', 'score', 'scale'];
const SIZES = ['heads', 'headDim', 'valueDim', 'rankK', 'rankV', 'window'];

/** Checks that the fields of a spec fit each other. @throws TypeError, RangeError naming the field */
export function checkAttentionSpec(given: AttentionSpec): AttentionSpec {
  checkKnown('an attention', given, [...SIZES, ...MECHANISM_KEYS]);
  const heads = checkInteger('heads', given.heads, 1, MAX_HEADS);
  const headDim = checkInteger('headDim', given.headDim, 1, MAX_WIDTH);
  const valueDim = checkInteger('valueDim', given.valueDim, 1, MAX_WIDTH);
  const headFactors = oneOf('headFactors', given.headFactors, HEAD_FACTORS);
  const featureFactors = oneOf('featureFactors', given.featureFactors, FEATURE_FACTORS);
  oneOf('score', given.score, SCORES);
  const isDense = headFactors === 'groups';
  const isLatent = featureFactors === 'latent';
  const rankK = checkInteger('rankK', given.rankK, 1, isDense ? heads : MAX_RANK);
  checkInteger('rankV', given.rankV, 1, isDense ? heads : MAX_RANK);

  if (isLatent) {
    expect('featureFactors', isDense, '"latent" with headFactors "groups" only', 'latent');
    expect('rankK', rankK === 1, '1 with "latent"', rankK);
    expect('valueDim', valueDim <= headDim, `at most the headDim ${headDim}`, valueDim);
  } else if (isDense) {
    const isPlain = featureFactors === 'contextual';
    expect('featureFactors', isPlain, '"contextual" or "latent" with "groups"', featureFactors);
    expect('rankK', heads % rankK === 0, `a divisor of ${heads} heads`, rankK);
  }
  if (isDense || featureFactors === 'shared') {
    expect('rankV', given.rankV === rankK, `the ${rankK} of rankK`, given.rankV);
  }
  if (featureFactors === 'shared') {
    expect('valueDim', valueDim === headDim, `the ${headDim} of headDim`, valueDim);
  }
  if (featureFactors === 'outer') {
    const outerDim = checkInteger('outerDim', given.outerDim, 1, headDim);
    const isWhole = headDim % outerDim === 0 && valueDim % outerDim === 0;
    expect('outerDim', isWhole, 'a divisor of headDim and valueDim', outerDim);
  }
  if (given.window !== undefined) {
    expect('window', isDense, 'none without headFactors "groups"', given.window);
    checkInteger('window', given.window, 1, Number.MAX_SAFE_INTEGER);
  }
  return given;
}

function oneOf<T extends string>(
  name: string,
  value: T | undefined,
  known: readonly [T, ...T[]],
): T {
  if (value === undefined) return known[0];
  expect(name, known.includes(value), `one of ${known.join(', ')}`, value);
  return value;
}

function expect(name: string, isMet: boolean, expected: string, got: unknown): void {
  if (!isMet) throw new RangeError(`"${name}" expected ${expected}, got ${String(got)}`);
}
