import type { Kernels } from '../wasm/kernels.ts';
import type { Argument, Operation } from './operations.ts';
import {
  costAt,
  longestRange,
  nextAt,
  type Program,
  RANGE_COST,
  runRange,
  unitsAt,
} from './program.ts';

/**
 * Runs a program on this thread, with the scratch of lane 0. Pauses where the caller may turn to
 * something else, and abandon it.
 *
 * @param rangeCost multiply-adds that no range exceeds, unless a unit does
 */
export function* runAlone(
  kernels: Kernels,
  { words, count }: Program,
  rangeCost = RANGE_COST,
): Generator<void, void> {
  let sinceLast = 0;
  for (let i = 0, at = 0; i < count; i++, at = nextAt(words, at)) {
    const [units, cost] = [unitsAt(words, at), costAt(words, at)];
    const longest = longestRange(cost, rangeCost);
    for (let first = 0; first < units; first += longest) {
      const some = Math.min(longest, units - first);
      runRange(kernels, words, at, first, some, 0);
      sinceLast += some * cost;
      if (sinceLast < rangeCost) continue;
      sinceLast = 0;
      yield;
    }
  }
}

/** Runs all units of an operation with the scratch of lane 0. `args` becomes what the kernel is given. */
export function runWhole(kernels: Kernels, name: Operation, units: number, args: Argument[]): void {
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (typeof arg === 'object') args[i] = arg.at + units * (arg.perCount ?? 0);
  }
  const kernel = kernels[name] as (...args: Argument[]) => void;
  kernel(...args);
}
