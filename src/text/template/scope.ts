import type { Budget } from './budget.ts';
import { UNDEFINED, type Value } from './values/value.ts';

/** Variables that a block sees: its own, and those around it. */
export class Scope {
  readonly budget: Budget;
  readonly #around: Scope | undefined;
  readonly #values = new Map<string, Value>();

  constructor(budget: Budget, around?: Scope) {
    budget.spend(2);
    this.budget = budget;
    this.#around = around;
  }

  get(name: string): Value {
    this.budget.spend(1);
    const value = this.#values.get(name);
    if (value !== undefined) return value;
    return this.#around === undefined ? UNDEFINED : this.#around.get(name);
  }

  set(name: string, value: Value): void {
    this.budget.spend(1);
    this.#values.set(name, value);
  }

  inner(): Scope {
    return new Scope(this.budget, this);
  }
}

/** How a statement ends: `break` and `continue` end those around it, up to the loop. */
export type Flow = 'break' | 'continue' | undefined;

/** A part of a template that writes. */
export type Statement = (scope: Scope, out: string[]) => Flow;

/** One statement after the other. */
export function sequence(statements: readonly Statement[]): Statement {
  return (scope, out) => {
    for (const statement of statements) {
      const flow = statement(scope, out);
      if (flow !== undefined) return flow;
    }
    return undefined;
  };
}

/** What a block writes, as one text. */
export function capture(body: Statement, scope: Scope): string {
  const out: string[] = [];
  body(scope, out);
  scope.budget.write(out.reduce((sum, part) => sum + part.length, 0));
  return out.join('');
}
