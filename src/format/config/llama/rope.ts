import { LIMITS } from '../limits.ts';
import { type RopeSizes, readScaling } from './rope-scaling.ts';
import type { Fields } from '../fields.ts';
import type { ModelConfig } from '../model-config.ts';
import type { RopeScaling } from '../../../attention/rope.ts';

type RopeConfig = Pick<ModelConfig, 'ropeTheta' | 'ropeScaling'>;

const DEFAULT_THETA = 10_000;
/** Newer exports put theta and scaling in the first, older ones the scaling alone in the second. */
const OBJECTS = [
  { key: 'rope_parameters', untyped: 'default' },
  { key: 'rope_scaling', untyped: undefined },
] as const;

/**
 * Reads `rope_theta` and `rope_scaling`, or the `rope_parameters` that newer exports put both in. A
 * file may have all of them for readers of both kinds, if they say the same.
 *
 * @throws TpaError `CONFIG_INVALID`; `MODEL_UNSUPPORTED` naming a scaling that is not computed
 */
export function readRope(fields: Fields, sizes: RopeSizes): RopeConfig {
  fields.neutral('partial_rotary_factor', 1);
  const objects = OBJECTS.flatMap(({ key, untyped }) => {
    const inner = fields.isOff(key) ? undefined : fields.object(key);
    return inner === undefined ? [] : [{ inner, untyped }];
  });
  const ropeTheta = readTheta(
    fields,
    objects.map(({ inner }) => inner),
  );
  const scalings = objects.map(({ inner, untyped }) => readScaling(fields, inner, sizes, untyped));
  const [ropeScaling, other] = scalings;
  if (scalings.length === 2) checkAgreement(fields, ropeScaling, other);
  if (ropeScaling === undefined) return { ropeTheta };
  if (ropeScaling.type === 'yarn' && ropeTheta === 1) {
    // The ramp is found by a logarithm to this base.
    throw fields.invalid('rope_theta', 'a number above 1 with yarn', ropeTheta);
  }
  return { ropeTheta, ropeScaling };
}

/** What is said beside the objects has to be what they say. */
function readTheta(fields: Fields, objects: readonly Fields[]): number {
  const stated = [fields, ...objects]
    .filter((one) => one.get('rope_theta') !== undefined)
    .map((one) => one.number('rope_theta', 1, LIMITS.ropeTheta));
  const theta = stated.at(-1) ?? DEFAULT_THETA;
  const other = stated.find((one) => one !== theta);
  if (other === undefined) return theta;
  throw fields.invalid('rope_theta', `the ${theta} of the object for RoPE`, other);
}

const NONE = { type: 'default' };

/** Compares what two objects come to, not how they say it. */
function checkAgreement(
  fields: Fields,
  parameters: RopeScaling | undefined,
  scaling: RopeScaling | undefined,
): void {
  const found = new Map<string, unknown>(Object.entries(scaling ?? NONE));
  for (const [name, value] of Object.entries(parameters ?? NONE)) {
    const shown = (one: unknown) => `${name} ${String(one).slice(0, 40)}`;
    const other = found.get(name);
    if (String(other) === String(value)) continue;
    const expected = `${shown(value)}, as "rope_parameters" has it`;
    throw fields.conflict('rope_scaling', expected, shown(other));
  }
}
