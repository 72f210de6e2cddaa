import { bind, takes } from './builtins/builtin.ts';
import { Loop } from './loop.ts';
import { capture, type Flow, type Scope, type Statement } from './scope.ts';
import type { Expression } from './syntax/node.ts';
import type { Target } from './syntax/targets.ts';
import { isTrue, itemsOf, type Value } from './values/value.ts';

/** The parts of `{% for target in items if test recursive %} body {% else %} otherwise`. */
export interface LoopSource {
  readonly target: Target;
  readonly items: Expression;
  readonly test: Expression | undefined;
  readonly isRecursive: boolean;
  readonly body: Statement;
  readonly otherwise: Statement | undefined;
}

export function loopStatement(source: LoopSource): Statement {
  const { target, items, test, isRecursive, body, otherwise } = source;

  function run(scope: Scope, out: string[], walked: readonly Value[], depth: number): Flow {
    const { budget } = scope;
    const loop = new Loop(budget, test === undefined ? walked : passing(scope, walked), depth);
    const recurse = takes<Loop>('items', (_, { depth: around }, value) =>
      budget.within(() => {
        const inner = itemsOf(budget, value);
        return capture((__, parts) => run(scope, parts, inner, around + 1), scope);
      }),
    );
    if (isRecursive) loop.call = bind(recurse, budget, loop).call;
    let isEmpty = true;
    for (let item = loop.next(); item !== undefined; item = loop.next()) {
      const inner = scope.inner();
      target(inner, item);
      inner.set('loop', loop);
      const flow = body(inner, out);
      if (flow === 'break') break;
      // In Jinja a loop whose every round ends early counts as empty.
      if (flow === undefined) isEmpty = false;
    }
    return isEmpty ? otherwise?.(scope.inner(), out) : undefined;
  }

  /** Tested when it is their turn, since the body may change what the test reads. */
  function* passing(scope: Scope, walked: readonly Value[]): Generator<Value> {
    for (const item of walked) {
      const inner = scope.inner();
      target(inner, item);
      if (isTrue(test!(inner))) yield item;
    }
  }

  return (scope, out) => run(scope, out, itemsOf(scope.budget, items(scope)), 0);
}
