import type { RopeScaling } from './rope-scaling.ts';

/** How far cosines and sines are rounded: upstream T6 trains with bfloat16 tables. */
export type RopePrecision = 'bfloat16' | 'float32';

/** Sign of the rotation: +1 T6, -1 Hugging Face LLaMA. */
export type RopeDirection = 1 | -1;

/** A rotary embedding. */
export interface RopeSpec {
  /** Features of a row that rotate, its first; even. */
  readonly rotaryDim: number;
  readonly theta: number;
  readonly precision: RopePrecision;
  readonly direction: RopeDirection;
  /** Rotated features are times decay^angle; none unless given. */
  readonly decay?: number;
  readonly scaling?: RopeScaling;
}
