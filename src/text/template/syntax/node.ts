import type { Scope } from '../scope.ts';
import { Callable, expected, Fields, type Named, type Value } from '../values/value.ts';

/** A part of a template that is ready to run. */
export type Expression = (scope: Scope) => Value;

export interface Call {
  readonly args: readonly Value[];
  readonly named: Named;
}

/** An expression that counts as a step, and as a level of what stands in it. */
export function node(run: Expression): Expression {
  return (scope) => {
    scope.budget.enter();
    const value = run(scope);
    scope.budget.leave();
    return value;
  };
}

/** A call of what an expression gives. */
export function called(callee: Expression, call: (scope: Scope) => Call): Expression {
  return node((scope) => {
    const target = callee(scope);
    const { args, named } = call(scope);
    return invoke(target, args, named);
  });
}

/** Calls a function, or an object that can be called. */
export function invoke(target: Value, args: readonly Value[], named: Named): Value {
  if (target instanceof Callable) return target.call(args, named);
  if (target instanceof Fields && target.call !== undefined) return target.call(args, named);
  throw expected('a function to call', target);
}
