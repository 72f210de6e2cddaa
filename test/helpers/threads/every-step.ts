import type { CpuBackend } from '../../../src/backend/cpu.ts';
import type { CacheDtype } from '../../../src/layout/cache-dtype.ts';
import { createRandom } from '../checks/random.ts';

/** Two blocks of queries, a page's border within one, and tokens by themselves. */
const STEPS = [48, 48, 7, 1, 1];

/** Logits of every token of every step of a sequence, and what each token is scored. */
export async function evaluateSteps(
  backend: CpuBackend,
  cacheDtype?: CacheDtype,
): Promise<Float32Array[]> {
  const random = createRandom(17);
  const sequence = backend.createSequence(cacheDtype);
  const numbers: Float32Array[] = [];
  for (const count of STEPS) {
    const ids = Array.from({ length: count }, () => random.integer(0, 60));
    numbers.push(await sequence.forward(ids, 'all'));
    numbers.push(await sequence.score(ids, ids));
  }
  sequence.dispose();
  return numbers;
}
