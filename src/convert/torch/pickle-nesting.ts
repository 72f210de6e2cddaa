import { invalidCheckpoint } from '../../format/errors.ts';
import { PickleDict, PickleList, PickleTuple } from './pickle-values.ts';
import type { PickleValue } from './pickle-values.ts';

/** A nanoGPT checkpoint nests 6 deep (checkpoint, optimizer, groups, group, betas, number). */
const MAX_DEPTH = 64;

interface Frame {
  readonly container: PickleValue;
  readonly children: Iterator<PickleValue>;
}

/**
 * Refuses containers that hold themselves or nest too deep; each is visited once, however often it
 * is shared, and nothing recurses.
 *
 * @throws TpaError `CHECKPOINT_INVALID`
 */
export function checkNesting(subject: string, root: PickleValue): void {
  const open = new Set<PickleValue>();
  const done = new Set<PickleValue>();
  const stack: Frame[] = [];
  const enter = (value: PickleValue): void => {
    const children = childrenOf(value);
    if (children === undefined || done.has(value)) return;
    if (open.has(value)) throw invalidCheckpoint(subject, 'plain containers', 'one inside itself');
    if (stack.length === MAX_DEPTH) {
      throw invalidCheckpoint(subject, `at most ${MAX_DEPTH} levels of containers`, 'more');
    }
    open.add(value);
    stack.push({ container: value, children: children[Symbol.iterator]() });
  };
  enter(root);
  for (let frame = stack.at(-1); frame; frame = stack.at(-1)) {
    const next = frame.children.next();
    if (!next.done) {
      enter(next.value);
    } else {
      stack.pop();
      open.delete(frame.container);
      done.add(frame.container);
    }
  }
}

function childrenOf(value: PickleValue): Iterable<PickleValue> | undefined {
  if (value instanceof PickleList || value instanceof PickleTuple) return value.items;
  return value instanceof PickleDict ? value.entries.values() : undefined;
}
