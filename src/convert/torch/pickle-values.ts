import { invalidCheckpoint } from '../../format/errors.ts';

/** What a pickle of tensors and plain containers is made of. */
export type PickleValue =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | PickleList
  | PickleTuple
  | PickleDict
  | PickleGlobal
  | PickleObject;

export class PickleList {
  readonly items: PickleValue[] = [];
}

export class PickleTuple {
  readonly items: readonly PickleValue[];

  constructor(items: readonly PickleValue[]) {
    this.items = items;
  }
}

/** A dict, or an OrderedDict. A Map, so that a key like `__proto__` is a key and nothing else. */
export class PickleDict {
  readonly entries = new Map<string | number, PickleValue>();
  readonly isOrdered: boolean;

  constructor(isOrdered: boolean) {
    this.isOrdered = isOrdered;
  }
}

/** The name of a class or function; nothing is ever looked up by it but our own few. */
export class PickleGlobal {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** What the host of a pickle makes itself: opaque to the machine. */
export abstract class PickleObject {
  /** For messages. */
  abstract readonly kind: string;
}

/** The kind of a value, for messages: never its text. */
export function kindOf(value: PickleValue | undefined): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'None';
  if (value instanceof PickleList) return 'a list';
  if (value instanceof PickleTuple) return 'a tuple';
  if (value instanceof PickleDict) return 'a dict';
  if (value instanceof PickleGlobal) return 'a class';
  if (value instanceof PickleObject) return value.kind;
  if (value instanceof Uint8Array) return 'bytes';
  return typeof value === 'number' ? `the number ${value}` : `a ${typeof value}`;
}

/** A nanoGPT checkpoint nests 6 deep (checkpoint, optimizer, groups, group, betas, number). */
const MAX_DEPTH = 64;

/**
 * Refuses containers that hold themselves or nest too deep; each is visited once, however often it
 * is shared.
 *
 * @throws TpaError `CHECKPOINT_INVALID`
 */
export function checkNesting(subject: string, root: PickleValue): void {
  const open = new Set<PickleValue>();
  const done = new Set<PickleValue>();
  const enter = (value: PickleValue): void => {
    const children = childrenOf(value);
    if (children === undefined || done.has(value)) return;
    if (open.has(value)) throw invalidCheckpoint(subject, 'plain containers', 'one inside itself');
    if (open.size === MAX_DEPTH) {
      throw invalidCheckpoint(subject, `at most ${MAX_DEPTH} levels of containers`, 'more');
    }
    open.add(value);
    for (const child of children) enter(child);
    open.delete(value);
    done.add(value);
  };
  enter(root);
}

function childrenOf(value: PickleValue): Iterable<PickleValue> | undefined {
  if (value instanceof PickleList || value instanceof PickleTuple) return value.items;
  return value instanceof PickleDict ? value.entries.values() : undefined;
}
