import { Refusal } from './budget.ts';
import { TOO_MANY, UNKNOWN_NAME } from './builtins/builtin.ts';
import { capture, type Scope, type Statement } from './scope.ts';
import type { Expression } from './syntax/node.ts';
import { Callable, UNDEFINED, type Value } from './values/value.ts';

export interface Parameter {
  readonly name: string;
  readonly otherwise: Expression | undefined;
}

/** What stands between `macro` or `call` and its end. */
export interface MacroSource {
  readonly parameters: readonly Parameter[];
  readonly body: Statement;
  /** The special names that the body reads. */
  readonly special: readonly string[];
}

/**
 * Names that Jinja gives to the body of a macro which reads them; each takes its value from the
 * arguments that no parameter has. They join when a template reads one.
 */
export const SPECIAL_NAMES: Record<string, (args: Value[], named: Map<string, Value>) => Value> =
  {};

/** A function that gives what its body writes; it sees the variables where it stands. */
export function makeMacro({ parameters, body, special }: MacroSource, around: Scope): Callable {
  return new Callable((args, named) =>
    around.budget.within(() => {
      const scope = around.inner();
      const [more, others] = [args.slice(parameters.length), new Map(named)];
      parameters.forEach(({ name, otherwise }, i) => {
        let value = args[i];
        if (value === undefined) {
          value = others.get(name);
          others.delete(name);
        }
        if (value === undefined) value = otherwise === undefined ? UNDEFINED : otherwise(scope);
        scope.set(name, value);
      });
      for (const name of special) scope.set(name, SPECIAL_NAMES[name]!(more, others));
      if (others.size > 0) throw new Refusal(UNKNOWN_NAME);
      if (more.length > 0) throw new Refusal(TOO_MANY);
      return capture(body, scope);
    }),
  );
}
