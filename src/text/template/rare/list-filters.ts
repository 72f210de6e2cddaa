import { type Budget, Refusal } from '../budget.ts';
import { type Builtin, type Builtins, takes } from '../builtins/builtin.ts';
import { VALUE_FILTERS } from '../builtins/filters.ts';
import { attributeOf, pairsOf, pathOf } from '../builtins/lookup.ts';
import { calculate } from '../values/arithmetic.ts';
import { compare, isEqual, keyOf } from '../values/comparison.ts';
import {
  expected,
  intOf,
  isDict,
  isTrue,
  itemsOf,
  type Key,
  Stream,
  textOf,
  Tuple,
  UNDEFINED,
  type Value,
} from '../values/value.ts';

/** Filters of lists and mappings that few templates name. */
export const LIST_FILTERS: Builtins<Value> = {
  count: VALUE_FILTERS['length']!,
  attr: takes('name', (budget, value, name) =>
    isDict(value) ? UNDEFINED : attributeOf(budget, value, textOf(name)),
  ),
  dictsort: takes(
    'case_sensitive? by? reverse?',
    (budget, value, caseSensitive = false, by = 'key', reverse = false) => {
      if (!isDict(value)) throw expected('a mapping', value);
      if (by !== 'key' && by !== 'value') throw new Refusal('sorts by neither "key" nor "value"');
      const key = keyed(budget, by === 'key' ? 0 : 1, caseSensitive);
      return sorted(budget, pairsOf(budget, value), key, reverse);
    },
  ),
  sort: takes(
    'reverse? case_sensitive? attribute?',
    (budget, value, reverse = false, caseSensitive = false, attribute = null) => {
      const paths: Value[] = typeof attribute === 'string' ? attribute.split(',') : [attribute];
      const keys = paths.map((path) => keyed(budget, path, caseSensitive));
      return sorted(
        budget,
        itemsOf(budget, value),
        (item) => keys.map((key) => key(item)),
        reverse,
      );
    },
  ),
  unique: takes(
    'case_sensitive? attribute?',
    (budget, value, caseSensitive = false, attribute = null) => {
      const key = keyed(budget, attribute, caseSensitive);
      const seen = new Set<Key>();
      const items = itemsOf(budget, value).filter((item) => {
        budget.spend(4);
        const { size } = seen;
        return seen.add(keyOf(key(item))).size > size;
      });
      return new Stream(items);
    },
  ),
  groupby: takes(
    'attribute default? case_sensitive?',
    (budget, value, attribute, otherwise = null, caseSensitive = false) => {
      const key = keyed(budget, attribute, caseSensitive, otherwise);
      const exact = keyed(budget, attribute, true, otherwise);
      const groups: [key: Value, items: Value[]][] = [];
      for (const item of sorted(budget, itemsOf(budget, value), key, false)) {
        const last = groups.at(-1);
        if (last !== undefined && isEqual(budget, last[0], key(item))) last[1].push(item);
        else groups.push([key(item), [item]]);
      }
      return groups.map(([, items]) => {
        const group = Tuple.of<Value>(exact(items[0]!), items) as Tuple;
        group.names = ['grouper', 'list'];
        return group;
      });
    },
  ),
  sum: takes('attribute? start?', (budget, value, attribute = null, start = 0) => {
    if (typeof start === 'string') throw expected('a number to begin with', start);
    return itemsOf(budget, value).reduce<Value>((sum, item) => {
      const part = attribute === null ? item : pathOf(budget, item, attribute);
      return calculate(budget, '+', sum, part);
    }, start);
  }),
  min: extreme((order) => order < 0),
  max: extreme((order) => order > 0),
  batch: takes('linecount fill_with?', (budget, value, lineCount, fill = null) => {
    const items = itemsOf(budget, value);
    const count = intOf(lineCount);
    const lines: Value[][] = [];
    for (const item of items) {
      budget.spend(1);
      const line = lines.at(-1);
      if (line === undefined || line.length === count) lines.push([item]);
      else line.push(item);
    }
    const last = lines.at(-1);
    if (last !== undefined && fill !== null && last.length < count) {
      budget.spend((count - last.length) / 4);
      while (last.length < count) last.push(fill);
    }
    return new Stream(lines);
  }),
  slice: takes('slices fill_with?', (budget, value, slices, fill = null) => {
    const items = itemsOf(budget, value);
    const count = intOf(slices);
    if (count === 0) throw new Refusal('divides by zero');
    budget.spend(Math.max(0, 2 * count));
    const [size, longer] = [Math.floor(items.length / count), items.length % count];
    let at = 0;
    const lines = Array.from({ length: Math.max(0, count) }, (_, i) => {
      const end = at + size + (i < longer ? 1 : 0);
      const line = Array.from(items.slice(at, end));
      at = end;
      if (fill !== null && i >= longer) line.push(fill);
      return line;
    });
    return new Stream(lines);
  }),
};

/** What an item is sorted or grouped by; a text without regard to case unless told otherwise. */
function keyed(
  budget: Budget,
  path: Value,
  caseSensitive: Value,
  otherwise: Value = null,
): (item: Value) => Value {
  return (item) => {
    const found = path === null ? item : pathOf(budget, item, path);
    const key = found === UNDEFINED && otherwise !== null ? otherwise : found;
    if (typeof key !== 'string' || isTrue(caseSensitive)) return key;
    budget.read(2 * key.length);
    return key.toLowerCase();
  };
}

function sorted(
  budget: Budget,
  items: readonly Value[],
  key: (item: Value) => Value,
  reverse: Value,
): Value[] {
  const sign = isTrue(reverse) ? -1 : 1;
  const pairs = Array.from(items, (item) => [key(item), item] as const);
  budget.spend(2 * pairs.length);
  return pairs.toSorted(([a], [b]) => sign * compare(budget, a, b)).map(([, item]) => item);
}

function extreme(isBetter: (order: number) => boolean): Builtin<Value> {
  return takes(
    'case_sensitive? attribute?',
    (budget, value, caseSensitive = false, attribute = null) => {
      const key = keyed(budget, attribute, caseSensitive);
      let best: readonly [Value, Value] | undefined;
      for (const item of itemsOf(budget, value)) {
        const pair = [key(item), item] as const;
        if (best === undefined || isBetter(compare(budget, pair[0], best[0]))) best = pair;
      }
      return best === undefined ? UNDEFINED : best[1];
    },
  );
}
