import { type Budget, Refusal } from '../budget.ts';
import { Callable, type Named, type Value } from '../values/value.ts';

/**
 * A function of Python: the names of its parameters, those with a `?` optional, and what it does
 * with the value that it belongs to and its arguments in that order.
 */
export type Builtin<Subject> = readonly [
  parameters: string,
  run: (budget: Budget, subject: Subject, ...args: Value[]) => Value,
];

export type Builtins<Subject> = Readonly<Record<string, Builtin<Subject>>>;

/** The function of that name, if it is the table's own. */
export function builtinOf<Subject>(
  table: Builtins<Subject>,
  name: string,
): Builtin<Subject> | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

export function callBuiltin<Subject>(
  [parameters, run]: Builtin<Subject>,
  budget: Budget,
  subject: Subject,
  args: readonly Value[],
  named: Named,
): Value {
  const names = parameters === '' ? [] : parameters.split(' ');
  if (args.length > names.length) throw new Refusal('passes too many arguments');
  const values: (Value | undefined)[] = [...args];
  let used = 0;
  names.forEach((parameter, i) => {
    const name = parameter.replace('?', '');
    if (i >= args.length && named.has(name)) {
      values[i] = named.get(name);
      used++;
    }
    if (values[i] === undefined && name === parameter) {
      throw new Refusal(`leaves out the argument "${name}"`);
    }
  });
  if (used < named.size) throw new Refusal('passes an argument by a name that is not known');
  return run(budget, subject, ...(values as Value[]));
}

/** A method that remembers its object. */
export function bind<Subject>(
  builtin: Builtin<Subject>,
  budget: Budget,
  subject: Subject,
): Callable {
  return new Callable((args, named) => callBuiltin(builtin, budget, subject, args, named));
}
