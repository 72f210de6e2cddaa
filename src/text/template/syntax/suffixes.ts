import { filterOf, testOf } from '../builtins/choosing.ts';
import { attributeOf, itemOf } from '../builtins/lookup.ts';
import { cut } from '../values/slices.ts';
import { NO_NAMES } from '../values/value.ts';
import { NO_ARGUMENTS } from './arguments.ts';
import { type Arguments, called, type Expression, node } from './node.ts';
import { OperandParser } from './operands.ts';

/** What follows an operand: fields, items, calls, filters and tests. */
export abstract class SuffixParser extends OperandParser {
  /** Fields, items and calls of a value. */
  protected postfix(operand: Expression): Expression {
    const { reader } = this;
    let value = operand;
    for (;;) {
      if (reader.skip('operator', '.')) value = this.#field(value);
      else if (reader.skip('operator', '[')) value = this.#subscript(value);
      else if (reader.is('operator', '(')) value = called(value, this.arguments());
      else return value;
    }
  }

  /** Filters and tests of a value, and calls of what they give. */
  protected filtered(operand: Expression): Expression {
    const { reader } = this;
    let value = operand;
    for (;;) {
      if (reader.skip('operator', '|')) value = this.filter(value);
      else if (reader.skip('name', 'is')) value = this.#test(value);
      else if (reader.is('operator', '(')) value = called(value, this.arguments());
      else return value;
    }
  }

  /** What follows the bar: the name of a filter and its arguments. */
  filter(value: Expression): Expression {
    const name = this.#dotted();
    const call = this.reader.is('operator', '(') ? this.arguments() : () => NO_ARGUMENTS;
    return node((scope) => filterOf(name)(scope.budget, value(scope), ...call(scope)));
  }

  #test(value: Expression): Expression {
    const { reader } = this;
    const isNegated = reader.skip('name', 'not');
    const name = this.#dotted();
    const call = this.#testArguments();
    if (reader.is('name', 'is')) throw reader.wrong('no second test');
    return node((scope) => testOf(name)(scope.budget, value(scope), ...call(scope)) !== isNegated);
  }

  /** In parentheses, or one operand without. */
  #testArguments(): Arguments {
    const { reader } = this;
    if (reader.is('operator', '(')) return this.arguments();
    if (!reader.isOperand || reader.is('name', 'else', 'or', 'and', 'is'))
      return () => NO_ARGUMENTS;
    const operand = this.postfix(this.primary());
    return (scope) => [[operand(scope)], NO_NAMES];
  }

  #dotted(): string {
    let { value } = this.reader.expect('name');
    while (this.reader.skip('operator', '.')) value += `.${this.reader.expect('name').value}`;
    return value;
  }

  #field(value: Expression): Expression {
    const { reader } = this;
    if (reader.is('integer')) {
      const index = Number(reader.next().value);
      return node((scope) => itemOf(scope.budget, value(scope), index));
    }
    const name = reader.expect('name').value;
    return node((scope) => attributeOf(scope.budget, value(scope), name));
  }

  #subscript(value: Expression): Expression {
    const { reader } = this;
    const parts: (Expression | undefined)[] = [];
    let isSlice = false;
    if (!reader.is('operator', ':')) parts.push(this.expression());
    while (parts.length < 3 && reader.skip('operator', ':')) {
      if (!isSlice && parts.length === 0) parts.push(undefined);
      isSlice = true;
      const isOmitted = reader.is('operator', ':', ']');
      parts.push(isOmitted ? undefined : this.expression());
    }
    reader.expect('operator', ']');
    const [start, stop, step] = parts;
    if (!isSlice) return node((scope) => itemOf(scope.budget, value(scope), start!(scope)));
    return node((scope) => {
      const whole = value(scope);
      const [a, b, c] = [start, stop, step].map((part) => part?.(scope) ?? null);
      return cut(scope.budget, whole, a!, b!, c!);
    });
  }
}
