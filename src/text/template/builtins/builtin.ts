import { type Budget, Refusal } from '../budget.ts';
import { Callable, type Named, type Value } from '../values/value.ts';

/** A function of Python, and the value that it belongs to. */
export type Builtin<Subject> = (
  budget: Budget,
  subject: Subject,
  args: readonly Value[],
  named: Named,
) => Value;

/** Functions by name; those that few templates name join when one does. */
export type Builtins<Subject> = Record<string, Builtin<Subject>>;

/**
 * A function with parameters, the optional ones with a `?`, and what it does with its arguments in
 * that order.
 */
export function takes<Subject>(
  parameters: string,
  run: (budget: Budget, subject: Subject, ...args: Value[]) => Value,
): Builtin<Subject> {
  const names = parameters.match(/\S+/g) ?? [];
  return (budget, subject, args, named) => {
    if (args.length > names.length) throw new Refusal(TOO_MANY);
    const values: (Value | undefined)[] = [...args];
    let used = 0;
    names.forEach((parameter, i) => {
      const name = parameter.replace('?', '');
      if (i >= args.length && named.has(name)) {
        values[i] = named.get(name);
        used++;
      }
      if (values[i] === undefined && name === parameter) {
        throw missing(name);
      }
    });
    if (used < named.size) throw new Refusal(UNKNOWN_NAME);
    return run(budget, subject, ...(values as Value[]));
  };
}

/** Why arguments are refused. */
export function missing(name: string): Refusal {
  return new Refusal(`leaves out the argument "${name}"`);
}
export const TOO_MANY = 'passes too many arguments';
export const UNKNOWN_NAME = 'passes an argument by a name that is not known';

/** What a name that is not known is refused with; only a plain word is quoted. */
export function unsupported(kind: string, name: string): string {
  return `${kind}${/^[a-z]{1,20}$/.test(name) ? ` "${name}"` : ''}, which is not supported`;
}

/** What a table has by a name, if it is the table's own. */
export function ownOf<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

/** A method that remembers its object. */
export function bind<Subject>(
  builtin: Builtin<Subject>,
  budget: Budget,
  subject: Subject,
): Callable {
  return new Callable((args, named) => builtin(budget, subject, args, named));
}
