import { Refusal } from '../budget.ts';
import { TOO_MANY } from '../builtins/builtin.ts';
import type { Scope } from '../scope.ts';
import { expected, isDict, itemsOf, NO_NAMES, textOf, type Value } from '../values/value.ts';
import type { Arguments, Call, Expression } from './node.ts';
import type { TokenReader } from './token-reader.ts';

/** More than anybody writes, and few enough to pass on the stack. */
const MAX_ARGUMENTS = 255;
export const NO_ARGUMENTS: Call = [[], NO_NAMES];

type Argument = (scope: Scope, args: Value[], named: Map<string, Value>) => void;

/** What calls, filters and tests are given. */
export abstract class ArgumentParser {
  readonly reader: TokenReader;

  constructor(reader: TokenReader) {
    this.reader = reader;
  }

  abstract expression(): Expression;

  /** The arguments of a call, in their parentheses. */
  protected arguments(): Arguments {
    const { reader } = this;
    const parts: Argument[] = [];
    reader.expect('operator', '(');
    while (!reader.is('operator', ')')) {
      parts.push(this.#argument());
      if (!reader.skip('operator', ',')) break;
    }
    reader.expect('operator', ')');
    if (parts.length === 0) return () => NO_ARGUMENTS;
    return (scope) => {
      const [args, named]: [Value[], Map<string, Value>] = [[], new Map()];
      scope.budget.spend(2 + parts.length);
      for (const part of parts) part(scope, args, named);
      return [args, named];
    };
  }

  #argument(): Argument {
    const { reader } = this;
    if (reader.skip('operator', '**')) {
      const value = this.expression();
      return (scope, _, named) => {
        const dict = value(scope);
        if (!isDict(dict)) throw expected('a mapping of arguments', dict);
        scope.budget.spend(dict.size);
        for (const [name, item] of dict) named.set(textOf(name), item);
      };
    }
    if (reader.skip('operator', '*')) {
      const value = this.expression();
      return (scope, args) => {
        const items = itemsOf(scope.budget, value(scope));
        if (items.length > MAX_ARGUMENTS) throw new Refusal(TOO_MANY);
        args.push(...items);
      };
    }
    const after = reader.peek(1);
    if (reader.is('name') && after.type === 'operator' && after.value === '=') {
      const name = reader.next().value;
      reader.next();
      const value = this.expression();
      return (scope, _, named) => void named.set(name, value(scope));
    }
    const value = this.expression();
    return (scope, args) => void args.push(value(scope));
  }
}
