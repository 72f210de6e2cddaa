import type { Compute } from '../../../src/compute/compute.ts';
import { packedBytes, type PackedWeight } from '../../../src/layout/packed-weight.ts';
import { unpackMatrix } from '../../../src/weights/unpack.ts';
import type { ModelWeights } from '../../../src/weights/weights.ts';

/** A quantised weight in float32 panels, of the same numbers. */
function widen(compute: Compute, weight: PackedWeight): PackedWeight {
  const { rows, k } = weight;
  const wide = { rows, k, dtype: 'f32' } as const;
  const { heap, kernels } = compute;
  const at = heap.allocate(packedBytes(wide));
  const columns = [{ first: 0, count: rows }];
  const numbers = unpackMatrix(compute, { panels: [weight], columns });
  const staging = heap.allocate(4 * k);
  for (let row = 0; row < rows; row++) {
    const out = heap.floats(staging, k);
    for (let i = 0; i < k; i++) out[i] = numbers[i * rows + row]!;
    kernels.pack(at, staging, row, 1, k);
  }
  heap.release(staging);
  return { at, ...wide };
}

/** Weights in float32, of the numbers that quantised ones have: what these are judged by. */
export function widened(compute: Compute, weights: ModelWeights): ModelWeights {
  const seen = new Map<PackedWeight, PackedWeight>();
  const copy = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(copy);
    if (typeof value !== 'object' || value === null) return value;
    if (!('at' in value && 'dtype' in value)) {
      return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, copy(part)]));
    }
    const weight = value as PackedWeight;
    // a tied head is the embedding
    const wide = seen.get(weight) ?? widen(compute, weight);
    seen.set(weight, wide);
    return wide;
  };
  const { report, ...rest } = weights;
  return { ...(copy(rest) as Omit<ModelWeights, 'report'>), report };
}
