import { TpaError } from '../base/errors.ts';
import type { PackedWeight } from '../layout/packed-weight.ts';
import type { TensorIdentity } from './fingerprint.ts';
import type { ExpectedTensor } from './layer-tensors.ts';
import { findDifference } from './panels.ts';
import { HEAD } from './tensors.ts';
import type { WeightPlan } from './plan.ts';

/**
 * A file may hold the output projection under its own name, but it must be the embedding. Whichever
 * of the two is read first is packed, and the other is compared with it, so that neither is read
 * twice or kept elsewhere. Loading throws TpaError `MODEL_UNSUPPORTED` if they differ. Of quantised
 * ones only the embedding is packed, and {@link checkTiedHead} compares their hashes.
 *
 * @param weight the packed embedding
 */
export function planTiedHead(
  plan: WeightPlan,
  weight: PackedWeight,
  embedding: ExpectedTensor,
): void {
  const { shape } = embedding;
  if (weight.dtype !== 'f32') {
    plan.add({ name: HEAD, shape }, () => {}, weight.dtype);
    return;
  }
  const pack = plan.destinations.get(embedding.name)!.take;
  let packed: string | undefined;
  for (const name of [HEAD, embedding.name]) {
    plan.add({ name, shape }, (from, first, count, tools) => {
      packed ??= name;
      if (packed !== name) {
        const index = findDifference(plan.compute.heap, weight, from, first, count);
        if (index >= 0) throw untied(embedding.name, ` at element ${index}`, { index });
      }
      // equal numbers may differ in the sign of a zero: the embedding's counts
      if (packed === name || name === embedding.name) pack(from, first, count, tools);
    });
  }
}

/**
 * Compares what was read of the two, where both are blocks.
 *
 * @throws TpaError `MODEL_UNSUPPORTED` if they differ
 */
export function checkTiedHead(
  embedding: string,
  identities: ReadonlyMap<string, TensorIdentity>,
): void {
  const [one, other] = [identities.get(embedding), identities.get(HEAD)];
  if (other?.dtype === 'blocks' && other.hash !== one?.hash) throw untied(embedding);
}

function untied(embedding: string, where = '', data: { index?: number } = {}): TpaError {
  const message = `tensor "${HEAD}" expected the values of "${embedding}", found others${where}; the configuration ties the two`;
  return new TpaError('MODEL_UNSUPPORTED', message, { data: { tensor: HEAD, ...data } });
}
