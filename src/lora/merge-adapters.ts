import type { TensorSet } from '../format/tensors/tensors.ts';
import type { Adapter, AdapterInfo } from './adapter.ts';
import { type LowRank, mergedTensors, type StoredBefore, storedBefore } from './merged-tensors.ts';

/** What adapters make of a model. */
export interface Adapted {
  /** How its tensors are stored in the files, for the choice of layouts. */
  readonly stored: ReadonlyMap<string, StoredBefore>;
  readonly adapters: readonly AdapterInfo[];
}

/** What adapters, whose factors are not read yet, will make of a model. */
export function adaptedBy(adapters: readonly Adapter[], entries: TensorSet['entries']): Adapted {
  const changes = new Set(adapters.flatMap((adapter) => adapter.changes));
  return { stored: storedBefore(entries, changes), adapters: adapters.map(({ info }) => info) };
}

/**
 * Reads the factors of adapters, which add up, and merges them into a model's tensors.
 *
 * @throws as `Adapter.read`
 */
export async function mergeAdapters(
  adapters: readonly Adapter[],
  tensors: TensorSet,
): Promise<TensorSet> {
  const products = new Map<string, LowRank[]>();
  for (const adapter of adapters) {
    for (const [tensor, product] of await adapter.read()) {
      products.set(tensor, [...(products.get(tensor) ?? []), product]);
    }
  }
  return mergedTensors(tensors, products);
}
