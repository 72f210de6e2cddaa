import type { WeightDtype } from '../layout/packed-weight.ts';
import type { Requantized } from './stream/block-maker.ts';
import { countNumbers } from './layer-tensors.ts';
import { HEAD } from './tensors.ts';
import type { WeightPlan } from './plan.ts';

/** What a layout of weights has. */
export interface LayoutReport {
  /** Codes of 8 bits have a scale for 32 of them, `q8-offset` and `q4` an offset besides. */
  readonly layout: WeightDtype;
  /** How many tensors of the files lie in it. */
  readonly tensors: number;
  /** Numbers in them, without padding. */
  readonly parameters: number;
  /** In memory, padding included. */
  readonly bytes: number;
}

/** What weights have become. */
export interface WeightReport {
  /** What all matrices are computed with; vectors are float32 always. */
  readonly dtype: 'f32' | 'q8' | 'q4' | 'mixed';
  readonly bytes: number;
  readonly layouts: readonly LayoutReport[];
  readonly requantized: readonly Requantized[];
}

/** Counts what a plan has placed. @param isTied whether a stored output projection is only compared */
export function reportOf(
  { destinations, packedBytes, vectorBytes }: WeightPlan,
  isTied: boolean,
  requantized: readonly Requantized[],
): WeightReport {
  const layouts = new Map<WeightDtype, { tensors: number; parameters: number; bytes: number }>();
  const countOf = (layout: WeightDtype) => {
    const counted = layouts.get(layout) ?? { tensors: 0, parameters: 0, bytes: 0 };
    layouts.set(layout, counted);
    return counted;
  };
  countOf('f32').bytes = vectorBytes;
  for (const [layout, bytes] of packedBytes) countOf(layout).bytes += bytes;
  for (const [name, destination] of destinations) {
    if (isTied && name === HEAD) continue;
    const counted = countOf(destination.dtype);
    counted.tensors++;
    counted.parameters += countNumbers(destination);
  }
  const words = new Set(Array.from(packedBytes.keys(), (layout) => WORD_OF[layout]));
  const [word = 'f32'] = words;
  return {
    dtype: words.size === 1 ? word : 'mixed',
    bytes: Array.from(layouts.values()).reduce((sum, { bytes }) => sum + bytes, 0),
    layouts: Array.from(layouts, ([layout, counted]) => ({ layout, ...counted })).filter(
      ({ bytes }) => bytes > 0,
    ),
    requantized,
  };
}

const WORD_OF = { f32: 'f32', q8: 'q8', 'q8-offset': 'q8', q4: 'q4' } as const;
