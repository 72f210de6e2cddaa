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

/** A list. */
export class PickleList {
  readonly items: PickleValue[] = [];
}

/** A tuple. */
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
