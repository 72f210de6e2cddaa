import { calculate } from '../values/arithmetic.ts';
import type { Builtin } from '../builtins/builtin.ts';
import { testOf } from '../builtins/choosing.ts';
import { type Expression, node } from './node.ts';
import { SuffixParser } from './suffixes.ts';
import { print } from '../values/printing.ts';
import { expected, isTrue, NO_NAMES, numberOf, UNDEFINED, type Value } from '../values/value.ts';

/** Operators that are tests by the same names. */
const COMPARISONS = ['==', '!=', '<', '<=', '>', '>='];

/** Makes one expression of two and the operator between them. */
type Joining = (operator: string, a: Expression, b: Expression) => Expression;

/** Jinja's grammar of expressions, from what binds least to what binds most. */
export class ExpressionParser extends SuffixParser {
  /** What an `if` tests and a loop walks through: of a tuple's expressions none has an `if`. */
  unconditional(): Expression {
    return this.tuple(() => this.#or());
  }

  override expression(): Expression {
    return this.reader.nest(() => this.#condition());
  }

  #condition(): Expression {
    const { reader } = this;
    let value = this.#or();
    while (reader.skip('name', 'if')) {
      const [yes, test] = [value, this.#or()];
      const no: Expression = reader.skip('name', 'else') ? this.expression() : () => UNDEFINED;
      value = node((scope) => (isTrue(test(scope)) ? yes : no)(scope));
    }
    return value;
  }

  #or(): Expression {
    return this.#chain('name', ['or'], () => this.#and(), choice);
  }

  #and(): Expression {
    return this.#chain('name', ['and'], () => this.#not(), choice);
  }

  #not(): Expression {
    if (!this.reader.skip('name', 'not')) return this.#compare();
    const value = this.reader.nest(() => this.#not());
    return node((scope) => !isTrue(value(scope)));
  }

  #compare(): Expression {
    const { reader } = this;
    const first = this.#sum();
    const rest: [isNegated: boolean, test: Builtin<Value>, operand: Expression][] = [];
    for (;;) {
      const isNegated = reader.is('name', 'not') && reader.peek(1).value === 'in';
      if (isNegated) reader.next();
      if (!reader.is('operator', ...COMPARISONS) && !reader.is('name', 'in')) break;
      rest.push([isNegated, testOf(reader.next().value), this.#sum()]);
    }
    if (rest.length === 0) return first;
    return node((scope) => {
      let left = first(scope);
      return rest.every(([isNegated, test, operand]) => {
        const right = operand(scope);
        const isHeld = test(scope.budget, left, [right], NO_NAMES) !== isNegated;
        left = right;
        return isHeld;
      });
    });
  }

  #sum(): Expression {
    return this.#chain('operator', ['+', '-'], () => this.#joined());
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
    const power = (): Expression => this.#chain('operator', ['**'], () => this.#unary());
    return this.#chain('operator', ['*', '/', '//', '%'], power);
  }

  /** Operands with operators between them, of which the first is done first. */
  #chain(
    type: 'name' | 'operator',
    operators: readonly string[],
    operand: () => Expression,
    join: Joining = arithmetic,
  ): Expression {
    let left = operand();
    while (this.reader.is(type, ...operators)) {
      left = join(this.reader.next().value, left, operand());
    }
    return left;
  }

  #unary(hasFilter = true): Expression {
    const { reader } = this;
    let value: Expression;
    if (reader.is('operator', '-', '+')) {
      const isMinus = reader.next().value === '-';
      const operand = reader.nest(() => this.#unary(false));
      value = node((scope) => {
        const number = operand(scope);
        if (numberOf(number) === undefined) throw expected('a number', number);
        return calculate(scope.budget, '*', isMinus ? -1 : 1, number);
      });
    } else {
      value = this.primary();
    }
    value = this.postfix(value);
    return hasFilter ? this.filtered(value) : value;
  }
}

/** Python's `and` and `or`, which give one of their operands. */
function choice(operator: string, a: Expression, b: Expression): Expression {
  return node((scope) => {
    const value = a(scope);
    return isTrue(value) === (operator === 'or') ? value : b(scope);
  });
}

function arithmetic(operator: string, a: Expression, b: Expression): Expression {
  return node((scope) => calculate(scope.budget, operator, a(scope), b(scope)));
}
