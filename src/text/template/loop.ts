import type { Budget } from './budget.ts';
import { ownOf } from './builtins/builtin.ts';
import { Fields, UNDEFINED, type Value } from './values/value.ts';

/** The variable `loop`. Items are looked at one ahead, and counted only if asked for. */
export class Loop extends Fields {
  readonly budget: Budget;
  readonly depth: number;
  index = -1;
  before: Value = UNDEFINED;
  current: Value = UNDEFINED;
  /** What `loop.changed()` was given last. */
  watched: Value | undefined;
  #items: Iterator<Value, unknown>;
  #ahead: Value | undefined;
  #length: number | undefined;

  constructor(budget: Budget, items: Iterable<Value>, depth: number) {
    super();
    this.budget = budget;
    this.depth = depth;
    this.#items = items[Symbol.iterator]();
  }

  /** The next item, or undefined at the end. */
  next(): Value | undefined {
    const item = this.peek();
    if (item === undefined) return undefined;
    this.#ahead = undefined;
    this.index++;
    this.before = this.current;
    this.current = item;
    return item;
  }

  /** The item after that. */
  peek(): Value | undefined {
    if (this.#ahead === undefined) this.#ahead = this.#pull();
    return this.#ahead;
  }

  get length(): number {
    if (this.#length === undefined) {
      const rest: Value[] = [];
      for (let item = this.peek(); item !== undefined; item = this.#pull()) {
        this.budget.spend(1);
        rest.push(item);
      }
      this.#ahead = undefined;
      this.#items = rest[Symbol.iterator]();
      this.#length = this.index + 1 + rest.length;
    }
    return this.#length;
  }

  override field(name: string): Value | undefined {
    return ownOf(LOOP_FIELDS, name)?.(this);
  }

  #pull(): Value | undefined {
    const { done, value } = this.#items.next();
    return done === true ? undefined : value;
  }
}

/** What many templates read of `loop`; the rest joins when one reads it. */
export const LOOP_FIELDS: Record<string, (loop: Loop) => Value> = {
  index: ({ index }) => index + 1,
  index0: ({ index }) => index,
  first: ({ index }) => index === 0,
  last: (loop) => loop.peek() === undefined,
  length: ({ length }) => length,
  previtem: ({ before }) => before,
  nextitem: (loop) => {
    const next = loop.peek();
    return next === undefined ? UNDEFINED : next;
  },
};
