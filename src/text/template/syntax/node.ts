import type { Scope } from '../scope.ts';
import { expected, Fields, type Named, type Value } from '../values/value.ts';

/** A part of a template that is ready to run. */
export interface Expression {
  (scope: Scope): Value;
  /** Of a call. */
  readonly parts?: CallParts;
}

export type Call = readonly [args: readonly Value[], named: Named];

export type Arguments = (scope: Scope) => Call;

interface CallParts {
  readonly callee: Expression;
  readonly call: Arguments;
}

/** Something that counts as a step, and as a level of what stands in it. */
export function node<Rest extends unknown[], Result>(
  run: (scope: Scope, ...rest: Rest) => Result,
): (scope: Scope, ...rest: Rest) => Result {
  return (scope, ...rest) => {
    scope.budget.enter();
    const result = run(scope, ...rest);
    scope.budget.leave();
    return result;
  };
}

/** A call of what an expression gives. */
export function called(callee: Expression, call: Arguments): Expression {
  const run = node((scope) => invoke(callee(scope), ...call(scope)));
  return Object.assign(run, { parts: { callee, call } });
}

/** Calls a function, or an object that can be called. */
export function invoke(target: Value, args: readonly Value[], named: Named): Value {
  if (target instanceof Fields && target.call !== undefined) return target.call(args, named);
  throw expected('a function to call', target);
}
