import { type Budget, Refusal } from '../budget.ts';
import { builtinOf, callBuiltin } from './builtin.ts';
import { FILTERS } from './filters.ts';
import { pathOf } from './lookup.ts';
import { TESTS } from './tests.ts';
import {
  isTrue,
  itemsOf,
  type Named,
  Stream,
  textOf,
  UNDEFINED,
  type Value,
} from '../values/value.ts';

/** Jinja's filters that this interpreter does without, to be refused by name. */
const LEFT_OUT = new Set(
  'filesizeformat pprint random striptags urlencode urlize wordwrap xmlattr format'.split(' '),
);

/** `value | name(...)`, of all filters. */
export function applyFilter(
  budget: Budget,
  name: string,
  value: Value,
  args: readonly Value[],
  named: Named,
): Value {
  switch (name) {
    case 'map':
      return map(budget, value, args, named);
    case 'select':
    case 'reject':
      return choose(budget, value, args, named, name === 'select', undefined);
    case 'selectattr':
    case 'rejectattr': {
      const [attribute, ...rest] = args;
      if (attribute === undefined) throw new Refusal(`names no attribute for "${name}"`);
      return choose(budget, value, rest, named, name === 'selectattr', attribute);
    }
  }
  const filter = builtinOf(FILTERS, name);
  if (filter !== undefined) return callBuiltin(filter, budget, value, args, named);
  throw new Refusal(
    LEFT_OUT.has(name)
      ? `uses the filter "${name}", which is not supported`
      : 'uses a filter that Jinja does not have',
  );
}

/** `value is name(...)` */
export function applyTest(
  budget: Budget,
  name: string,
  value: Value,
  args: readonly Value[],
  named: Named,
): boolean {
  if (name === 'filter') return builtinOf(FILTERS, textOf(value)) !== undefined;
  if (name === 'test') return builtinOf(TESTS, textOf(value)) !== undefined;
  const test = builtinOf(TESTS, name);
  if (test === undefined) throw new Refusal('uses a test that Jinja does not have');
  return isTrue(callBuiltin(test, budget, value, args, named));
}

function map(budget: Budget, value: Value, args: readonly Value[], named: Named): Value {
  const items = itemsOf(budget, value);
  const attribute = named.get('attribute');
  if (args.length === 0 && attribute !== undefined) {
    const otherwise = named.get('default') ?? null;
    return new Stream(
      Array.from(items, (item) => {
        const found = pathOf(budget, item, attribute);
        return found === UNDEFINED && otherwise !== null ? otherwise : found;
      }),
    );
  }
  const [name, ...rest] = args;
  if (name === undefined) throw new Refusal('names no filter for "map"');
  return new Stream(
    Array.from(items, (item) => applyFilter(budget, textOf(name), item, rest, named)),
  );
}

/** The items that pass a test, or fail it: themselves, or by one of their attributes. */
function choose(
  budget: Budget,
  value: Value,
  args: readonly Value[],
  named: Named,
  isKept: boolean,
  attribute: Value | undefined,
): Value {
  const [name, ...rest] = args;
  const passes = (item: Value): boolean => {
    budget.spend(1);
    const subject = attribute === undefined ? item : pathOf(budget, item, attribute);
    return name === undefined
      ? isTrue(subject)
      : applyTest(budget, textOf(name), subject, rest, named);
  };
  return new Stream(Array.from(itemsOf(budget, value)).filter((item) => passes(item) === isKept));
}
