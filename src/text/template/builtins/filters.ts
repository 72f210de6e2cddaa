import { print } from '../values/printing.ts';
import { cut } from '../values/slices.ts';
import { join, replace } from '../values/text.ts';
import { toJson } from '../values/json.ts';
import {
  expected,
  intOf,
  isDict,
  isTrue,
  itemsOf,
  NO_NAMES,
  sizeOf,
  Stream,
  UNDEFINED,
  type Value,
} from '../values/value.ts';
import { type Builtin, type Builtins, takes } from './builtin.ts';
import { pairsOf, pathOf } from './lookup.ts';
import { stripOf, TEXT_METHODS } from './text-methods.ts';

const DEFAULT = takes<Value>(
  'default_value? boolean?',
  (_, value, otherwise = '', boolean = false) =>
    value === UNDEFINED || (isTrue(boolean) && !isTrue(value)) ? otherwise : value,
);

/** Filters that many templates use, but those that name another filter or a test. */
export const VALUE_FILTERS: Builtins<Value> = {
  default: DEFAULT,
  d: DEFAULT,
  length: takes('', (budget, value) => {
    const size = sizeOf(budget, value);
    if (size === undefined) throw expected('something to count', value);
    return size;
  }),
  tojson: takes('ensure_ascii? indent? separators? sort_keys?', toJson),
  string: takes('', print),
  safe: takes('', print),
  upper: ofText('upper'),
  lower: ofText('lower'),
  trim: takes('chars?', (budget, value, characters = null) =>
    stripOf(budget, print(budget, value), 'both', characters),
  ),
  replace: takes('old new count?', (budget, value, old, by, count = null) => {
    const [text, part, other] = [print(budget, value), print(budget, old), print(budget, by)];
    return replace(budget, text, part, other, count === null ? -1 : intOf(count));
  }),
  list: takes('', (budget, value) => [...itemsOf(budget, value)]),
  first: takes('', (budget, value) => orUndefined(itemsOf(budget, value)[0])),
  last: takes('', (budget, value) => {
    if (value instanceof Stream) throw expected('a list to take the last item of', value);
    return orUndefined(itemsOf(budget, value).at(-1));
  }),
  reverse: takes('', (budget, value) => {
    if (typeof value === 'string') return cut(budget, value, null, null, -1);
    const items = itemsOf(budget, value).toReversed();
    return value instanceof Stream ? items : new Stream(items);
  }),
  join: takes('d? attribute?', (budget, value, separator = '', attribute = null) =>
    join(
      budget,
      print(budget, separator),
      itemsOf(budget, value).map((item) =>
        print(budget, attribute === null ? item : pathOf(budget, item, attribute)),
      ),
    ),
  ),
  items: takes('', (budget, value) => {
    if (value === UNDEFINED) return new Stream([]);
    if (!isDict(value)) throw expected('a mapping', value);
    return new Stream(pairsOf(budget, value));
  }),
};

/** A method of texts without arguments as a filter of whatever can be text. */
function ofText(name: string): Builtin<Value> {
  return takes('', (budget, value) =>
    TEXT_METHODS[name]!(budget, print(budget, value), [], NO_NAMES),
  );
}

function orUndefined(value: Value | undefined): Value {
  return value === undefined ? UNDEFINED : value;
}
