import { Refusal } from '../budget.ts';
import type { Loop } from '../loop.ts';
import { isEqual } from '../values/comparison.ts';
import { Callable, Tuple, type Value } from '../values/value.ts';

/** What few templates read of `loop`. */
export const RARE_LOOP_FIELDS: Record<string, (loop: Loop) => Value> = {
  revindex: ({ length, index }) => length - index,
  revindex0: ({ length, index }) => length - index - 1,
  depth: ({ depth }) => depth + 1,
  depth0: ({ depth }) => depth,
  cycle: ({ index }) =>
    new Callable((args) => {
      if (args.length === 0) throw new Refusal('cycles through nothing');
      return args[index % args.length]!;
    }),
  changed: (loop) =>
    new Callable((args) => {
      const { budget, watched } = loop;
      const given = Tuple.from(args);
      if (watched !== undefined && isEqual(budget, watched, given)) return false;
      loop.watched = given;
      return true;
    }),
};
