import { Compute } from '../compute/compute.ts';
import type { ModelConfig } from '../format/config/model-config.ts';
import { fitDtypes } from '../model/budget.ts';
import { threadsOf } from '../threads/threads-option.ts';
import type { Threads, ThreadsOption } from '../threads/threads.ts';
import type { Engine } from '../wasm/engine.ts';
import type { WeightDtypes } from '../weights/dtypes.ts';
import { parameterCount } from '../weights/tensors.ts';

/** Below this a token takes 0.3 ms, of which telling threads of its 150 operations is a third. */
const LEAST_PARAMETERS = 4_000_000;

/**
 * The threads of a model, or why there are none; `'auto'` starts none for a small model.
 *
 * @param asked which layouts its weights take
 */
export async function threadsFor(
  engine: Engine,
  config: ModelConfig,
  asked: WeightDtypes,
  option: ThreadsOption = 'auto',
): Promise<Threads> {
  if (option === 'auto' && parameterCount(config) < LEAST_PARAMETERS) {
    return { reason: 'the model is too small to gain by more' };
  }
  const threads = await threadsOf(engine, option);
  const { pool } = threads;
  if (pool === undefined) return threads;
  pool.lanes = pool.size;
  const { needed } = fitDtypes(new Compute(engine, { threads }), config, asked).needs;
  if (needed <= engine.heap.limit) return threads;
  return {
    reason: `${pool.size} threads would need ${needed} bytes of the ${engine.heap.limit} allowed`,
  };
}
