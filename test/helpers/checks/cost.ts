import * as assert from 'uvu/assert';

/** Rounds at most: neighbours on the machine come and go. */
const ROUNDS = 5;
/** Controls that take less are counted as this, below which a collection of garbage would decide. */
const LEAST_MS = 2;

/** Work, and what it is compared with. */
export interface Cost {
  readonly what: string;
  readonly control: () => unknown;
  readonly work: () => unknown;
  /** Of ten or more: a growth of another order passes it, a busy machine does not. */
  readonly factor: number;
}

/**
 * Fails if `work` takes more than `factor` times the CPU time of `control`, the least of up to
 * {@link ROUNDS} rounds in which they take turns.
 */
export async function assertCost({ what, control, work, factor }: Cost): Promise<void> {
  let allowed = LEAST_MS;
  let least = Infinity;
  for (let round = 0; round < ROUNDS && least > factor * allowed; round++) {
    allowed = Math.max(allowed, await cpuMilliseconds(control));
    least = Math.min(least, await cpuMilliseconds(work));
  }
  const most = factor * allowed;
  assert.ok(least <= most, `${what}: ${least} ms of CPU time, ${factor} controls take ${most}`);
}

async function cpuMilliseconds(work: () => unknown): Promise<number> {
  const begin = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(begin);
  return (user + system) / 1000;
}
