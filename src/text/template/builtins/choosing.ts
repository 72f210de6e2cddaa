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
import { type Builtin, builtinOf, type Builtins, missing } from './builtin.ts';
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

/** Jinja's filters that this interpreter does without, to be refused by name. */
const LEFT_OUT = new Set(
  'filesizeformat pprint random striptags urlencode urlize wordwrap xmlattr format'.split(' '),
);

/** What `value | name(...)` calls. */
export function filterOf(name: string): Builtin<Value> {
  const filter = builtinOf(FILTERS, name);
  if (filter !== undefined) return filter;
  throw new Refusal(
    LEFT_OUT.has(name)
      ? `uses the filter "${name}", which is not supported`
      : 'uses a filter that Jinja does not have',
  );
}

/** What `value is name(...)` calls; it gives true or false. */
export function testOf(name: string): Builtin<Value> {
  const test = builtinOf(TESTS, name);
  if (test === undefined) throw new Refusal('uses a test that Jinja does not have');
  return test;
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
