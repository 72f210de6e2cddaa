import type { Budget } from './budget.ts';
import type { Contender } from './contender.ts';
import type { GqaContender } from './gqa-contender.ts';
import type { Rounds } from './result.ts';

/** The three that are compared. */
export interface Contenders {
  readonly cpu: Contender;
  readonly tpa: Contender;
  readonly gqa: GqaContender;
}

/** How often. */
export interface RoundLimits {
  readonly least: number;
  readonly most: number;
  /** No further round is begun after this, once there are enough. */
  readonly seconds: number;
}

/** Seconds of a call. */
export async function secondsOf(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return (performance.now() - start) / 1000;
}

/** Times the three in turns, so that a slow spell of a shared machine hits all alike. */
export async function timeRounds(
  contenders: Contenders,
  run: (contender: Contender) => Promise<unknown>,
  { least, most, seconds }: RoundLimits,
  budget: Budget,
): Promise<Rounds> {
  const rounds = { cpu: [] as number[], tpa: [] as number[], gqa: [] as number[] };
  const end = budget.spent + seconds;
  for (let round = 0; round < most && (round < least || budget.spent < end); round++) {
    for (const key of ['cpu', 'tpa', 'gqa'] as const) {
      rounds[key].push(await secondsOf(() => run(contenders[key])));
    }
  }
  return rounds;
}
