import { calculate, negate } from '../values/arithmetic.ts';
import type { Budget } from '../budget.ts';
import { compare, contains, isEqual } from '../values/comparison.ts';
import { type Expression, node } from './node.ts';
import { SuffixParser } from './suffixes.ts';
import { print } from '../values/printing.ts';
import { expected, isTrue, numberOf, Tuple, UNDEFINED, type Value } from '../values/value.ts';

const ORDERS: Readonly<Record<string, (order: number) => boolean>> = {
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
};

type Comparison = (budget: Budget, a: Value, b: Value) => boolean;

/** Jinja's grammar of expressions, from what binds least to what binds most. */
export class ExpressionParser extends SuffixParser {
  /** An expression, or several with commas between them, which are a tuple. */
  tuple(hasCondition = true): Expression {
    const items = this.items(() => (hasCondition ? this.expression() : this.#or()));
    if (items.length === 0) throw this.reader.wrong('an expression');
    if (items.length === 1 && !items.isTuple) return items[0]!;
    return node((scope) => Tuple.from(items, (item) => item(scope)));
  }

  override expression(): Expression {
    return this.reader.nest(() => this.#condition());
  }

  #condition(): Expression {
    const reader = this.reader;
    let value = this.#or();
    while (reader.skip('name', 'if')) {
      const from = reader.literals.length;
      const [yes, test] = [value, this.#or()];
      reader.seek(from);
      const no: Expression = reader.skip('name', 'else') ? this.expression() : () => UNDEFINED;
      value = node((scope) => (isTrue(test(scope)) ? yes : no)(scope));
    }
    return value;
  }

  #or(): Expression {
    let left = this.#and();
    while (this.reader.skip('name', 'or')) {
      const [a, b] = [left, this.#and()];
      left = node((scope) => {
        const value = a(scope);
        return isTrue(value) ? value : b(scope);
      });
    }
    return left;
  }

  #and(): Expression {
    let left = this.#not();
    while (this.reader.skip('name', 'and')) {
      const [a, b] = [left, this.#not()];
      left = node((scope) => {
        const value = a(scope);
        return isTrue(value) ? b(scope) : value;
      });
    }
    return left;
  }

  #not(): Expression {
    if (!this.reader.skip('name', 'not')) return this.#compare();
    const value = this.reader.nest(() => this.#not());
    return node((scope) => !isTrue(value(scope)));
  }

  #compare(): Expression {
    const from = this.reader.literals.length;
    const first = this.#sum();
    const rest: [Comparison, Expression][] = [];
    for (let compared = this.#comparison(); compared; compared = this.#comparison()) {
      rest.push([compared, this.#sum()]);
    }
    if (rest.length === 0) return first;
    this.reader.seek(from);
    return node((scope) => {
      let left = first(scope);
      return rest.every(([holds, operand]) => {
        const right = operand(scope);
        const isHeld = holds(scope.budget, left, right);
        left = right;
        return isHeld;
      });
    });
  }

  #comparison(): Comparison | undefined {
    const reader = this.reader;
    if (reader.skip('operator', '==')) return isEqual;
    if (reader.skip('operator', '!=')) return (budget, a, b) => !isEqual(budget, a, b);
    if (reader.skip('name', 'in')) return (budget, a, b) => contains(budget, b, a);
    if (reader.isName('not') && reader.peek().value === 'in') {
      reader.next();
      reader.next();
      return (budget, a, b) => !contains(budget, b, a);
    }
    const order = reader.is('operator') ? ORDERS[reader.token.value] : undefined;
    if (order === undefined) return undefined;
    reader.next();
    return (budget, a, b) => order(compare(budget, a, b));
  }

  #sum(): Expression {
    return this.#chain(['+', '-'], () => this.#joined());
  }

  #joined(): Expression {
    const parts = [this.#product()];
    while (this.reader.skip('operator', '~')) parts.push(this.#product());
    if (parts.length === 1) return parts[0]!;
    return node((scope) => {
      let text = '';
      for (const part of parts) {
        text += print(scope.budget, part(scope));
        scope.budget.write(text.length);
      }
      return text;
    });
  }

  #product(): Expression {
    return this.#chain(['*', '/', '//', '%'], () => this.#chain(['**'], () => this.#unary()));
  }

  #chain(operators: readonly string[], operand: () => Expression): Expression {
    const reader = this.reader;
    let left = operand();
    while (reader.is('operator') && operators.includes(reader.token.value)) {
      const operator = reader.next().value;
      const [a, b] = [left, operand()];
      left = node((scope) => calculate(scope.budget, operator, a(scope), b(scope)));
    }
    return left;
  }

  #unary(hasFilter = true): Expression {
    const reader = this.reader;
    let value: Expression;
    if (reader.is('operator', '-') || reader.is('operator', '+')) {
      const isMinus = reader.next().value === '-';
      const operand = reader.nest(() => this.#unary(false));
      value = node((scope) => {
        const number = operand(scope);
        if (numberOf(number) === undefined) throw expected('a number', number);
        return isMinus ? negate(number) : calculate(scope.budget, '+', 0, number);
      });
    } else {
      value = this.primary();
    }
    value = this.postfix(value);
    return hasFilter ? this.filtered(value) : value;
  }
}
