import { type Budget, largestThatFits } from './budget.ts';
import { checkedError } from './open.ts';
import { type ContextResult, type GpuResult, NAMES, type Smoothness } from './result.ts';
import type { GqaContender } from './gqa-contender.ts';
import { type Contenders, secondsOf, timeRounds } from './timing.ts';

/** Where steps are sampled for smoothness. */
const SMOOTH = { from: 1024, to: 8192 } as const;
/** Distance of samples and steps of each, the most first. */
const SAMPLINGS = [
  { every: 64, repeats: 5 },
  { every: 128, repeats: 3 },
  { every: 128, repeats: 2 },
  { every: 128, repeats: 1 },
  { every: 256, repeats: 1 },
  { every: 512, repeats: 1 },
] as const;
/** GQA's step is timed in a cache with room for this many times its tokens. */
const ROOM = 16;

/**
 * Prompts of the longest length that fits.
 *
 * @param share of the budget at which this is to be over
 * @returns undefined where the time allows none
 */
export async function timePrefill(
  contenders: Contenders,
  lengths: readonly number[],
  promptOf: (tokens: number) => number[],
  share: number,
  budget: Budget,
): Promise<GpuResult['prefill']> {
  const trial = Math.min(...lengths);
  const all = Object.values(contenders);
  const prompt = promptOf(trial);
  for (const contender of all) await contender.prefill(prompt);
  let perToken = 0;
  for (const contender of all) {
    perToken += (await secondsOf(() => contender.prefill(prompt))) / trial;
  }
  const seconds = budget.left(share);
  // one to compile shaders of these sizes, one to time
  const tokens = largestThatFits(lengths, seconds, (length) => 2 * length * perToken);
  if (tokens === undefined) return undefined;
  const ids = promptOf(tokens);
  for (const contender of all) await contender.prefill(ids);
  const limits = { least: 1, most: 5, seconds: seconds / 2 };
  const rounds = await timeRounds(
    contenders,
    (contender) => contender.prefill(ids),
    limits,
    budget,
  );
  return { tokens, rounds };
}

/** One decode step at a context, after one that is not timed. */
export async function timeContext(
  contenders: Contenders,
  tokens: number,
  seconds: number,
  budget: Budget,
): Promise<ContextResult> {
  for (const contender of Object.values(contenders)) await contender.fill(tokens);
  const error = checkedError(NAMES.tpa, await contenders.tpa.step(), await contenders.cpu.step());
  await contenders.gqa.step();
  const limits = { least: 3, most: 15, seconds };
  const rounds = await timeRounds(contenders, (contender) => contender.step(), limits, budget);
  return { tokens, rounds, error };
}

/** Whether GQA's step takes longer because its cache has room. */
export async function timeRoom(
  gqa: GqaContender,
  tokens: number,
  repeats: number,
): Promise<NonNullable<GpuResult['room']>> {
  const capacity = tokens * ROOM;
  const best = async (room: number) => {
    await gqa.fill(tokens, room);
    await gqa.step();
    return bestOf(repeats, () => gqa.step());
  };
  const full = await best(tokens + 1);
  return { tokens, capacity, ratio: (await best(capacity)) / full };
}

/** Steps of TPA on the GPU at contexts of equal distance; undefined where there is no time. */
export async function timeSmoothness(
  { tpa }: Contenders,
  stepSeconds: number,
  seconds: number,
): Promise<Smoothness | undefined> {
  const count = (every: number) => (SMOOTH.to - SMOOTH.from) / every + 1;
  const sampling = largestThatFits(
    SAMPLINGS,
    seconds,
    ({ every, repeats }) => count(every) * repeats * stepSeconds,
  );
  if (sampling === undefined) return undefined;
  const { every, repeats } = sampling;
  const tokens = Array.from({ length: count(every) }, (_, i) => SMOOTH.from + i * every);
  const found: number[] = [];
  await tpa.fill(SMOOTH.from);
  await tpa.step();
  for (const context of tokens) {
    await tpa.fill(context);
    found.push(await bestOf(repeats, () => tpa.step()));
  }
  return { tokens, seconds: found, repeats };
}

/**
 * Closes the device while a step is on it, and evaluates the token on the CPU.
 *
 * @returns undefined where the step was done before
 */
export async function timeFailover(
  { tpa, cpu }: Contenders,
  tokens: number,
  stepSeconds: number,
): Promise<GpuResult['failover']> {
  await cpu.fill(tokens);
  await tpa.fill(tokens);
  const expected = await cpu.step();
  const outcome = tpa.step().then(
    () => 'done',
    () => 'lost',
  );
  await new Promise((resolve) => setTimeout(resolve, Math.min(stepSeconds / 2, 1) * 1000));
  let logits: Float32Array = new Float32Array(0);
  let wasLost = false;
  const seconds = await secondsOf(async () => {
    tpa.dispose();
    wasLost = (await outcome) === 'lost';
    logits = await cpu.step();
  });
  if (!wasLost) return undefined;
  checkedError(NAMES.cpu, logits, expected);
  return { tokens, seconds };
}

async function bestOf(repeats: number, run: () => Promise<unknown>): Promise<number> {
  let best = Infinity;
  for (let i = 0; i < repeats; i++) best = Math.min(best, await secondsOf(run));
  return best;
}
