import { type Budget, Refusal } from '../budget.ts';
import {
  isTrue,
  itemsOf,
  type Named,
  Stream,
  textOf,
  UNDEFINED,
  type Value,
} from '../values/value.ts';
import { type Builtin, type Builtins, missing, ownOf, unsupported } from './builtin.ts';
import { VALUE_FILTERS } from './filters.ts';
import { pathOf } from './lookup.ts';
import { TESTS } from './tests.ts';

/** Filters that many templates use. */
export const FILTERS: Builtins<Value> = {
  ...VALUE_FILTERS,
  map,
  select: choosing(true, false),
  reject: choosing(false, false),
  selectattr: choosing(true, true),
  rejectattr: choosing(false, true),
};

/** What `value | name(...)` calls. */
export function filterOf(name: string): Builtin<Value> {
  return builtinOf(FILTERS, 'filter', name);
}

/** What `value is name(...)` calls; it gives true or false. */
export function testOf(name: string): Builtin<Value> {
  return builtinOf(TESTS, 'test', name);
}

function builtinOf(table: Builtins<Value>, kind: string, name: string): Builtin<Value> {
  const builtin = ownOf(table, name);
  if (builtin === undefined) throw new Refusal(`uses a ${unsupported(kind, name)}`);
  return builtin;
}

function map(budget: Budget, value: Value, args: readonly Value[], named: Named): Value {
  const attribute = named.get('attribute');
  const otherwise = named.get('default') ?? null;
  const [name, ...rest] = args;
  const change = (item: Value): Value => {
    if (name !== undefined) return filterOf(textOf(name))(budget, item, rest, named);
    const found = pathOf(budget, item, attribute!);
    return found === UNDEFINED && otherwise !== null ? otherwise : found;
  };
  if (name === undefined && attribute === undefined) throw missing('filter');
  return new Stream(Array.from(itemsOf(budget, value), change));
}

/** The filters of items that pass a test, or fail it: themselves, or by one of their attributes. */
function choosing(isKept: boolean, isByAttribute: boolean): Builtin<Value> {
  return (budget, value, args, named) => {
    const attribute = isByAttribute ? args[0] : undefined;
    if (isByAttribute && attribute === undefined) throw missing('attribute');
    const [name, ...rest] = isByAttribute ? args.slice(1) : args;
    const passes = (item: Value): boolean => {
      budget.spend(1);
      const subject = attribute === undefined ? item : pathOf(budget, item, attribute);
      const holds =
        name === undefined ? subject : testOf(textOf(name))(budget, subject, rest, named);
      return isTrue(holds) === isKept;
    };
    return new Stream(Array.from(itemsOf(budget, value)).filter(passes));
  };
}
