import { type Dict, Tuple, UNDEFINED, type Value } from '../values/value.ts';

/** What the body of a macro can read besides its parameters. */
export const RARE_SPECIAL_NAMES: Record<
  string,
  (args: Value[], named: Map<string, Value>) => Value
> = {
  caller(_, named) {
    const caller = named.get('caller');
    named.delete('caller');
    return caller === undefined ? UNDEFINED : caller;
  },
  kwargs(_, named) {
    const all: Dict = new Map(named);
    named.clear();
    return all;
  },
  varargs: (args) => Tuple.from(args.splice(0)),
};
