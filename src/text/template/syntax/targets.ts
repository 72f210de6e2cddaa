import { Refusal } from '../budget.ts';
import type { Parameter } from '../macro.ts';
import type { Scope } from '../scope.ts';
import { expected, itemsOf, Namespace, type Value } from '../values/value.ts';
import { ExpressionParser } from './expressions.ts';

/** Puts a value into variables. */
export type Target = (scope: Scope, value: Value) => void;

/** What is given a value: variables, fields of namespaces, parameters. */
export abstract class TargetParser extends ExpressionParser {
  /** A name, a field of a namespace, or several of them for the items of a value. */
  target(): Target {
    const { reader } = this;
    const targets = [this.#single()];
    let isTuple = false;
    while (reader.skip('operator', ',')) {
      isTuple = true;
      if (!reader.is('name') && !reader.is('operator', '(')) break;
      if (reader.is('name', 'in')) break;
      targets.push(this.#single());
    }
    return isTuple ? unpack(targets) : targets[0]!;
  }

  #single(): Target {
    const { reader } = this;
    if (reader.skip('operator', '(')) {
      const target = reader.nest(() => this.target());
      reader.expect('operator', ')');
      return target;
    }
    const name = reader.expect('name').value;
    if (!reader.skip('operator', '.')) return (scope, value) => scope.set(name, value);
    const field = reader.expect('name').value;
    return (scope, value) => {
      const namespace = scope.get(name);
      if (!(namespace instanceof Namespace)) {
        throw expected('a namespace to set a field of', namespace);
      }
      scope.budget.spend(2);
      namespace.fields.set(field, value);
    };
  }

  /** Names and defaults between the parentheses of a macro. */
  parameters(): Parameter[] {
    const { reader } = this;
    const parameters: Parameter[] = [];
    reader.expect('operator', '(');
    while (!reader.is('operator', ')')) {
      if (parameters.length > 0) reader.expect('operator', ',');
      const { value: name } = reader.expect('name');
      const otherwise = reader.skip('operator', '=') ? this.expression() : undefined;
      if (otherwise === undefined && parameters.at(-1)?.otherwise !== undefined) {
        throw reader.wrong('a default behind a default');
      }
      parameters.push({ name, otherwise });
    }
    reader.next();
    return parameters;
  }
}

function unpack(targets: readonly Target[]): Target {
  return (scope, value) => {
    const items = itemsOf(scope.budget, value);
    if (items.length !== targets.length) {
      throw new Refusal(`unpacks ${items.length} items into ${targets.length} variables`);
    }
    targets.forEach((target, i) => target(scope, items[i]!));
  };
}
