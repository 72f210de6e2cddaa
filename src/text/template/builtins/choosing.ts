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
import { type Builtin, builtinOf, type Builtins } from './builtin.ts';
import { VALUE_FILTERS } from './filters.ts';
import { pathOf } from './lookup.ts';
import { TESTS } from './tests.ts';

/** Filters that many templates use. */
export const FILTERS: Builtins<Value> = {
  ...VALUE_FILTERS,
  map,
  select: chosen(true),
  reject: chosen(false),
  selectattr: chosenByAttribute(true),
  rejectattr: chosenByAttribute(false),
};

/** Jinja's filters that this interpreter does without, to be refused by name. */
const LEFT_OUT = new Set(
  'filesizeformat pprint random striptags urlencode urlize wordwrap xmlattr format'.split(' '),
);

/** `value | name(...)` */
export function applyFilter(
  budget: Budget,
  name: string,
  value: Value,
  args: readonly Value[],
  named: Named,
): Value {
  const filter = builtinOf(FILTERS, name);
  if (filter !== undefined) return filter(budget, value, args, named);
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
  const test = builtinOf(TESTS, name);
  if (test === undefined) throw new Refusal('uses a test that Jinja does not have');
  return isTrue(test(budget, value, args, named));
}

function map(budget: Budget, value: Value, args: readonly Value[], named: Named): Value {
  const attribute = named.get('attribute');
  const otherwise = named.get('default') ?? null;
  const [name, ...rest] = args;
  const change = (item: Value): Value => {
    if (name !== undefined) return applyFilter(budget, textOf(name), item, rest, named);
    const found = pathOf(budget, item, attribute!);
    return found === UNDEFINED && otherwise !== null ? otherwise : found;
  };
  if (name === undefined && attribute === undefined) throw new Refusal('names no filter for "map"');
  return new Stream(Array.from(itemsOf(budget, value), change));
}

/** The items that pass a test, or fail it: themselves, or by what `subjectOf` takes of them. */
function choose(
  budget: Budget,
  value: Value,
  args: readonly Value[],
  named: Named,
  isKept: boolean,
  subjectOf: (item: Value) => Value,
): Value {
  const [name, ...rest] = args;
  const passes = (item: Value): boolean => {
    budget.spend(1);
    const subject = subjectOf(item);
    return name === undefined
      ? isTrue(subject)
      : applyTest(budget, textOf(name), subject, rest, named);
  };
  return new Stream(Array.from(itemsOf(budget, value)).filter((item) => passes(item) === isKept));
}

function chosen(isKept: boolean): Builtin<Value> {
  return (budget, value, args, named) => choose(budget, value, args, named, isKept, (item) => item);
}

function chosenByAttribute(isKept: boolean): Builtin<Value> {
  return (budget, value, [attribute, ...rest], named) => {
    if (attribute === undefined) throw new Refusal('names no attribute to choose by');
    return choose(budget, value, rest, named, isKept, (item) => pathOf(budget, item, attribute));
  };
}
