import { Loop } from './loop.ts';
import type { Expression } from './syntax/node.ts';
import { capture, type Flow, type Scope, type Statement } from './scope.ts';
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
  return (scope, out) => runLoop(source, scope, out, source.items(scope), 0);
}

function runLoop(
  source: LoopSource,
  scope: Scope,
  out: string[],
  value: Value,
  depth: number,
): Flow {
  const { budget } = scope;
  const items = itemsOf(budget, value);
  const recurse = (inner: Value, level: number): string => {
    budget.enter();
    const text = capture((_, parts) => runLoop(source, scope, parts, inner, level), scope);
    budget.leave();
    return text;
  };
  const passing = source.test === undefined ? items : passed(source, source.test, scope, items);
  const loop = new Loop(budget, passing, depth, source.isRecursive ? recurse : undefined);
  let isEmpty = true;
  for (let item = loop.next(); item !== undefined; item = loop.next()) {
    const inner = scope.inner();
    source.target(inner, item);
    inner.set('loop', loop);
    const flow = source.body(inner, out);
    if (flow === 'break') break;
    // In Jinja a loop whose every round ends early counts as empty.
    if (flow === undefined) isEmpty = false;
  }
  return isEmpty ? source.otherwise?.(scope.inner(), out) : undefined;
}

/** Tested when it is their turn, since the body may change what the test reads. */
function* passed(
  { target }: LoopSource,
  test: Expression,
  scope: Scope,
  items: readonly Value[],
): Generator<Value> {
  for (const item of items) {
    const inner = scope.inner();
    target(inner, item);
    if (isTrue(test(inner))) yield item;
  }
}
