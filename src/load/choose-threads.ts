import type { CpuBackend } from '../backend/cpu.ts';
import { checkAbort, TpaError } from '../base/errors.ts';
import type { ModelConfig } from '../format/config/model-config.ts';
import type { ThreadPool } from '../threads/pool.ts';
import type { Threads } from '../threads/threads.ts';

/** Rounds of steps that are compared; the first of each number of threads is not counted. */
const ROUNDS = 4;
/** Milliseconds after which the rounds so far must do. */
const BUDGET_MS = 400;
/** More threads have to be so much faster than fewer: less is noise, and takes cores from others. */
const GAIN = 0.95;

/** What was measured on this machine in this process, by shape of model. */
const known = new Map<string, number>();

/** How the steps are timed that {@link chooseThreads} compares. */
export interface Timing {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds since some moment. */
  now?(): number;
}

/**
 * Lets as many threads take part as evaluate a token fastest, and ends the others. All stay where no
 * token can be evaluated: why will be told to whoever asks for one.
 *
 * @throws TpaError `OUT_OF_MEMORY`, `ABORTED`
 */
export async function chooseThreads(
  cpu: CpuBackend,
  threads: Threads,
  config: ModelConfig,
  timing: Timing = {},
): Promise<void> {
  const { pool } = threads;
  if (pool === undefined || pool.threads === 1) return;
  const most = pool.lanes;
  const key = JSON.stringify([most, config, cpu.network.weights.report.layouts]);
  const { left } = pool.members;
  let lanes = known.get(key);
  try {
    lanes ??= await measure(cpu, pool, most, timing);
  } catch (error) {
    if (!(error instanceof TpaError && error.code === 'NONFINITE_LOGITS')) throw error;
    pool.lanes = most;
    threads.reason = 'no step could be measured';
    return;
  }
  const isWhole = pool.members.left === left;
  pool.keep(lanes);
  // one that was lost meanwhile has given its reason
  if (!isWhole) return;
  known.set(key, lanes);
  threads.reason = `the fastest of ${candidates(most).join(', ')}, as measured`;
}

/** 1, 2, 4 … and as many as there are. */
function candidates(most: number): number[] {
  const powers = Array.from({ length: 6 }, (_, i) => 2 ** i).filter((lanes) => lanes < most);
  return [...powers, most];
}

async function measure(
  cpu: CpuBackend,
  pool: ThreadPool,
  most: number,
  { signal, now = () => performance.now() }: Timing,
): Promise<number> {
  const best = new Map<number, number>();
  const sequence = cpu.createSequence();
  const began = now();
  try {
    for (let round = 0; round <= ROUNDS; round++) {
      for (const lanes of candidates(most)) {
        checkAbort(signal);
        pool.lanes = lanes;
        const from = now();
        await sequence.forward([0]);
        sequence.truncate(0);
        if (round > 0) best.set(lanes, Math.min(now() - from, best.get(lanes) ?? Infinity));
      }
      if (round > 0 && now() - began > BUDGET_MS) break;
    }
  } finally {
    sequence.dispose();
  }
  let [chosen, least] = [1, best.get(1)!];
  for (const [lanes, time] of best) if (time < least * GAIN) [chosen, least] = [lanes, time];
  return chosen;
}
