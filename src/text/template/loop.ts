import { type Budget, Refusal } from './budget.ts';
import { isEqual } from './values/comparison.ts';
import { Callable, Fields, Tuple, UNDEFINED, type Value } from './values/value.ts';

/** The variable `loop`. Items are looked at one ahead, and counted only if asked for. */
export class Loop extends Fields {
  readonly #budget: Budget;
  readonly #depth: number;
  #items: Iterator<Value, unknown>;
  #ahead: Value | undefined;
  #index = -1;
  #length: number | undefined;
  #before: Value = UNDEFINED;
  #current: Value = UNDEFINED;
  #watched: Tuple | undefined;

  /** @param recurse what `loop(items)` does, in a loop that is recursive */
  constructor(
    budget: Budget,
    items: Iterable<Value>,
    depth: number,
    recurse?: (items: Value, depth: number) => Value,
  ) {
    super();
    this.#budget = budget;
    this.#items = items[Symbol.iterator]();
    this.#depth = depth;
    if (recurse !== undefined) {
      this.call = ([next, ...rest]) => {
        if (next === undefined || rest.length > 0) throw new Refusal('calls "loop" without items');
        return recurse(next, depth + 1);
      };
    }
  }

  /** The next item, or undefined at the end. */
  next(): Value | undefined {
    const item = this.#peek();
    if (item === undefined) return undefined;
    this.#ahead = undefined;
    this.#index++;
    this.#before = this.#current;
    this.#current = item;
    return item;
  }

  override field(name: string): Value | undefined {
    switch (name) {
      case 'index':
        return this.#index + 1;
      case 'index0':
        return this.#index;
      case 'revindex':
        return this.#count() - this.#index;
      case 'revindex0':
        return this.#count() - this.#index - 1;
      case 'length':
        return this.#count();
      case 'first':
        return this.#index === 0;
      case 'last':
        return this.#peek() === undefined;
      case 'previtem':
        return this.#before;
      case 'nextitem': {
        const next = this.#peek();
        return next === undefined ? UNDEFINED : next;
      }
      case 'depth':
        return this.#depth + 1;
      case 'depth0':
        return this.#depth;
      case 'cycle':
        return new Callable((args) => this.#cycle(args));
      case 'changed':
        return new Callable((args) => this.#changed(args));
    }
    return undefined;
  }

  #pull(): Value | undefined {
    const { done, value } = this.#items.next();
    return done === true ? undefined : value;
  }

  #peek(): Value | undefined {
    if (this.#ahead === undefined) this.#ahead = this.#pull();
    return this.#ahead;
  }

  #count(): number {
    if (this.#length !== undefined) return this.#length;
    const rest: Value[] = [];
    for (let item = this.#peek(); item !== undefined; item = this.#pull()) {
      this.#budget.spend(1);
      rest.push(item);
    }
    this.#ahead = undefined;
    this.#items = rest[Symbol.iterator]();
    this.#length = this.#index + 1 + rest.length;
    return this.#length;
  }

  #cycle(args: readonly Value[]): Value {
    if (args.length === 0) throw new Refusal('cycles through nothing');
    return args[this.#index % args.length]!;
  }

  #changed(args: readonly Value[]): boolean {
    const watched = Tuple.from(args) as Tuple;
    if (this.#watched !== undefined && isEqual(this.#budget, this.#watched, watched)) return false;
    this.#watched = watched;
    return true;
  }
}
