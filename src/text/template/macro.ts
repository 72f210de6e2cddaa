import { Refusal } from './budget.ts';
import type { Expression } from './syntax/node.ts';
import { capture, type Scope, type Statement } from './scope.ts';
import { Callable, type Dict, Tuple, UNDEFINED, type Value } from './values/value.ts';

export interface Parameter {
  readonly name: string;
  readonly otherwise?: Expression;
}

/** What stands between `macro` or `call` and its end. */
export interface MacroSource {
  readonly parameters: readonly Parameter[];
  readonly body: Statement;
  /** Of the names that a body reads, those that Jinja gives it: `caller`, `varargs`, `kwargs`. */
  readonly special: ReadonlySet<string>;
}

/** A function that gives what its body writes; it sees the variables where it stands. */
export function makeMacro({ parameters, body, special }: MacroSource, around: Scope): Callable {
  return new Callable((args, named) => {
    const { budget } = around;
    budget.enter();
    const scope = around.inner();
    const rest = new Map(named);
    parameters.forEach(({ name, otherwise }, i) => {
      let value = args[i];
      if (value === undefined && rest.has(name)) {
        value = rest.get(name);
        rest.delete(name);
      }
      if (value === undefined) value = otherwise === undefined ? UNDEFINED : otherwise(scope);
      scope.set(name, value);
    });
    bindSpecial(scope, special, args.slice(parameters.length), rest, parameters);
    const text = capture(body, scope);
    budget.leave();
    return text;
  });
}

function bindSpecial(
  scope: Scope,
  special: ReadonlySet<string>,
  args: readonly Value[],
  named: Map<string, Value>,
  parameters: readonly Parameter[],
): void {
  const isOwn = parameters.some(({ name }) => name === 'caller');
  if (special.has('caller') && !isOwn) {
    const caller = named.get('caller');
    scope.set('caller', caller === undefined ? UNDEFINED : caller);
    named.delete('caller');
  }
  if (special.has('kwargs')) scope.set('kwargs', new Map(named) as Dict);
  else if (named.size > 0) throw new Refusal('passes an argument by a name that is not known');
  if (special.has('varargs')) scope.set('varargs', Tuple.from(args));
  else if (args.length > 0) throw new Refusal('passes too many arguments');
}
