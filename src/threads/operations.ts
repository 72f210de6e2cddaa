import type { Kernels } from '../wasm/kernels.ts';

/** The kernels that run by ranges of units; a program names one by its place here. */
export const OPERATIONS = [
  'addBias',
  'appendFactors',
  'copyRows',
  'denseDecode',
  'densePrefill',
  'embed',
  'embedQuantized',
  'linearAttend',
  'logProbabilities',
  'matmul',
  'matmulQuantized',
  'mergeSpans',
  'outerRows',
  'quantizeRows',
  'rmsNorm',
  'rope',
  'ropeTable',
  'sigmoid',
  'swiglu',
  'tpaDecode',
  'tpaPrefill',
] as const satisfies readonly (keyof Kernels)[];

export type Operation = (typeof OPERATIONS)[number];

/**
 * An argument that follows the range which is run and the lane that runs it:
 * at + first · perFirst + count · perCount + lane · perLane.
 */
export interface Moving {
  readonly at: number;
  readonly perFirst?: number;
  readonly perCount?: number;
  readonly perLane?: number;
}

/** The first unit of a range. */
export const FIRST: Moving = { at: 0, perFirst: 1 };
/** The units of a range. */
export const COUNT: Moving = { at: 0, perCount: 1 };

export type Argument = number | boolean | Moving;

/** The arguments of a kernel, each as it is or as it follows the range. */
export type Arguments<Name extends Operation> = Movable<Parameters<Kernels[Name]>>;

type Movable<Args extends readonly (number | boolean)[]> = { [I in keyof Args]: Args[I] | Moving };
