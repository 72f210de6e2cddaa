import { Draw } from './draw.ts';
import type { CostAlone } from './order.ts';
import type { Target } from './target.ts';

/** Inputs that load and compile what any input needs, before the one that is measured. */
const WARM_UP = 20;

/**
 * CPU time of one execution, and by how much the most memory that the process held is above what it
 * held before.
 */
export async function costAlone(target: Target, seed: number): Promise<CostAlone> {
  for (let at = 1; at <= WARM_UP; at++) {
    await settled(target, target.make(new Draw(-at)));
  }
  const input = target.make(new Draw(seed));
  const held = process.memoryUsage.rss();
  const begin = process.cpuUsage();
  await settled(target, input);
  const { user, system } = process.cpuUsage(begin);
  const bytes = Math.max(0, process.resourceUsage().maxRSS * 1024 - held);
  return { milliseconds: (user + system) / 1000, bytes };
}

async function settled(target: Target, input: unknown): Promise<void> {
  try {
    await target.run(input);
  } catch {
    // whether it is a refusal was told before
  }
}
