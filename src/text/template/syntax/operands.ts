import { ownOf } from '../builtins/builtin.ts';
import { keyOf } from '../values/comparison.ts';
import { type Dict, Float, int, Tuple } from '../values/value.ts';
import { ArgumentParser } from './arguments.ts';
import { type Expression, node } from './node.ts';

const CONSTANTS: Readonly<Record<string, boolean | null>> = {
  true: true,
  True: true,
  false: false,
  False: false,
  none: null,
  None: null,
};

/** Constants, names, and what stands in brackets. */
export abstract class OperandParser extends ArgumentParser {
  protected primary(): Expression {
    const reader = this.reader;
    if (!reader.isOperand) throw reader.wrong('an expression');
    const { type, value } = reader.next();
    if (type === 'name') return this.#name(value);
    if (type === 'string') return this.#string(value);
    if (type === 'integer' || type === 'float') {
      const number = Number(value.replaceAll('_', ''));
      const float = new Float(number);
      return type === 'float' ? () => float : () => int(number);
    }
    if (value === '(') {
      const inner = this.tuple(undefined, true);
      reader.expect('operator', ')');
      return inner;
    }
    return value === '[' ? this.#list() : this.#dict();
  }

  #name(name: string): Expression {
    const constant = ownOf(CONSTANTS, name);
    if (constant !== undefined) return () => constant;
    this.reader.names.push(name);
    return (scope) => scope.get(name);
  }

  #string(first: string): Expression {
    let text = first;
    while (this.reader.is('string')) text += this.reader.next().value;
    this.reader.literals.push(text);
    return () => text;
  }

  #list(): Expression {
    const { items } = this.#items();
    this.reader.expect('operator', ']');
    return node((scope) => {
      scope.budget.spend(2);
      return items.map((item) => item(scope));
    });
  }

  #dict(): Expression {
    const reader = this.reader;
    const entries: [Expression, Expression][] = [];
    while (!reader.is('operator', '}')) {
      const key = this.expression();
      reader.expect('operator', ':');
      entries.push([key, this.expression()]);
      if (!reader.skip('operator', ',')) break;
    }
    reader.expect('operator', '}');
    return node((scope) => {
      scope.budget.spend(4 + 2 * entries.length);
      const dict: Dict = new Map();
      for (const [key, value] of entries) dict.set(keyOf(key(scope)), value(scope));
      return dict;
    });
  }

  /** An expression, or several with commas between them, which are a tuple; one of none is `()`. */
  tuple(parse = () => this.expression(), isEmptyAllowed = false): Expression {
    const { items, hasComma } = this.#items(parse);
    if (items.length === 0 && !isEmptyAllowed) throw this.reader.wrong('an expression');
    if (items.length === 1 && !hasComma) return items[0]!;
    return node((scope) => Tuple.from(items, (item) => item(scope)));
  }

  /** Expressions up to a bracket, the end of the tag or "recursive". */
  #items(parse = () => this.expression()): { items: Expression[]; hasComma: boolean } {
    const { reader } = this;
    const items: Expression[] = [];
    let hasComma = false;
    while (
      !reader.is('end') &&
      !reader.is('operator', ')', ']') &&
      !reader.is('name', 'recursive')
    ) {
      items.push(parse());
      if (!reader.skip('operator', ',')) break;
      hasComma = true;
    }
    return { items, hasComma };
  }
}
