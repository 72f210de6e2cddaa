import { Refusal } from '../budget.ts';
import { type Builtins, takes } from '../builtins/builtin.ts';
import { isEqual } from '../values/comparison.ts';
import { type Dict, expected, isList, type Value } from '../values/value.ts';

/** Methods of a list that few templates call. */
export const RARE_LIST_METHODS: Builtins<readonly Value[]> = {
  index: takes('value', (budget, list, value) => {
    const at = list.findIndex((item) => isEqual(budget, item, value));
    if (at < 0) throw new Refusal('looks for the place of an item that is not there');
    return at;
  }),
  count: takes(
    'value',
    (budget, list, value) => list.filter((item) => isEqual(budget, item, value)).length,
  ),
  copy: takes('', (budget, list) => {
    if (!isList(list as Value[])) throw expected('a list to copy', list as Value[]);
    budget.spend(list.length / 4);
    return list.slice();
  }),
};

/** Methods of a mapping that few templates call. */
export const RARE_DICT_METHODS: Builtins<Dict> = {
  copy: takes('', (budget, dict) => {
    budget.spend(4 + 2 * dict.size);
    return new Map(dict);
  }),
};
