import type { Sequence } from '../../../src/backend/backend.ts';
import type { CpuBackend } from '../../../src/backend/cpu.ts';
import type { ModelBytes } from '../../../src/format/files/bytes-at-hand.ts';
import { createRandom } from '../checks/random.ts';
import { FaultyThreads } from './faulty-threads.ts';
import { openThreadedModel, type ThreadedModel, type ThreadedOptions } from './threaded-model.ts';

/** Long against a range of a small model (10 µs), short against the patience of a test. */
const LOST_MS = 40;
/** Multiply-adds worth a claim: most operations of a small model are two or three ranges. */
const CLAIM_COST = 1 << 13;

/** A model, threads for it that can fail, and the numbers that one thread computes. */
export interface Scenario {
  readonly model: ThreadedModel;
  readonly threads: FaultyThreads;
  readonly expected: Float32Array;
}

/** A model whose leading thread is slow, so that the others take most. It looks for events at every pause. */
export async function openScenario(
  source: ModelBytes,
  size: number,
  options: Partial<ThreadedOptions> = {},
): Promise<Scenario> {
  const threads = new FaultyThreads();
  const model = await openThreadedModel(source, {
    simd: 'baseline',
    size,
    sliceMs: 0,
    lostMs: LOST_MS,
    claimCost: CLAIM_COST,
    wrap: threads.behind,
    ...options,
  });
  return { model, threads, expected: await decode(model.backend) };
}

/**
 * Prefill 64, decode 16, fork, decode 16, the scores of 12 tokens: the last logits of every step, and
 * the scores.
 */
export async function decode(backend: CpuBackend): Promise<Float32Array> {
  const random = createRandom(5);
  const ids = (count: number) => Array.from({ length: count }, () => random.integer(0, 60));
  const rows: Float32Array[] = [];
  let sequence: Sequence = backend.createSequence();
  const evaluate = async (tokens: readonly number[]) => {
    const end = sequence.length + tokens.length;
    for (let left = tokens; sequence.length < end; left = tokens.slice(sequence.length - end)) {
      rows.push(await sequence.forward(left));
    }
  };
  await evaluate(ids(64));
  for (const id of ids(16)) await evaluate([id]);
  const parent = sequence;
  sequence = parent.fork();
  parent.dispose();
  for (const id of ids(16)) await evaluate([id]);
  rows.push(await sequence.score(ids(12), ids(12)));
  sequence.dispose();
  return Float32Array.from(rows.flatMap((row) => [...row]));
}
