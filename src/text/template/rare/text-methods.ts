import { type Budget, Refusal } from '../budget.ts';
import { type Builtin, type Builtins, takes } from '../builtins/builtin.ts';
import { mapped } from '../builtins/text-methods.ts';
import { find } from '../values/comparison.ts';
import { cut, indicesOf } from '../values/slices.ts';
import { split, strip } from '../values/text.ts';
import {
  countPoints,
  expected,
  intOf,
  isTrue,
  textOf,
  Tuple,
  type Value,
} from '../values/value.ts';
import { capitalize, hasCase, pad, splitLines, splitRight } from './text.ts';

/** Methods of a Python string that few templates call. */
export const RARE_TEXT_METHODS: Builtins<string> = {
  capitalize: mapped(capitalize),
  title: mapped((text) => text.replaceAll(/\p{L}+/gu, (word) => capitalize(word))),
  rsplit: takes('sep? maxsplit?', (budget, text, separator = null, limit = -1) =>
    splitRight(budget, text, separator === null ? undefined : textOf(separator), intOf(limit)),
  ),
  splitlines: takes('keepends?', (budget, text, keepEnds = false) =>
    splitLines(budget, text, isTrue(keepEnds)),
  ),
  removeprefix: takes('prefix', (budget, text, prefix) => {
    budget.write(text.length);
    const part = budget.plain(textOf(prefix));
    return budget.plain(text).startsWith(part) ? text.slice(part.length) : text;
  }),
  removesuffix: takes('suffix', (budget, text, suffix) => {
    budget.write(text.length);
    const part = budget.plain(textOf(suffix));
    const isThere = part !== '' && budget.plain(text).endsWith(part);
    return isThere ? text.slice(0, -part.length) : text;
  }),
  find: found((budget, text, part) => find(budget, text, part)),
  rfind: found(findLast),
  index: found((budget, text, part) => present(find(budget, text, part))),
  rindex: found((budget, text, part) => present(findLast(budget, text, part))),
  count: takes('sub start? end?', (budget, text, part, start = null, end = null) => {
    const range = textOf(cut(budget, text, start, end));
    if (part === '') return countPoints(budget, range) + 1;
    return split(budget, range, textOf(part), -1).length - 1;
  }),
  partition: takes('sep', (budget, text, separator) => {
    const [before = '', after] = split(budget, text, textOf(separator), 1);
    return after === undefined ? Tuple.of(text, '', '') : Tuple.of(before, separator, after);
  }),
  rpartition: takes('sep', (budget, text, separator) => {
    const [before = '', after] = splitRight(budget, text, textOf(separator), 1);
    return after === undefined ? Tuple.of('', '', text) : Tuple.of(before, separator, after);
  }),
  zfill: takes('width', (budget, text, width) => {
    const sign = /^[+-]/.test(text) ? text[0]! : '';
    const missing = intOf(width) - countPoints(budget, text);
    return sign + pad(budget, text.slice(sign.length), missing, missing, '0');
  }),
  center: takes('width fillchar?', (budget, text, width, fill = ' ') =>
    center(budget, text, width, fill),
  ),
  isdigit: asked(/^[\p{Nd}²³¹⁰⁴-⁹₀-₉]+$/u),
  isalpha: asked(/^\p{L}+$/u),
  isalnum: asked(/^[\p{L}\p{N}]+$/u),
  isspace: takes('', (budget, text) => {
    budget.read(text.length);
    return text !== '' && strip(text) === '';
  }),
  isupper: takes('', (budget, text) => hasCase(budget, text, 'toUpperCase')),
  islower: takes('', (budget, text) => hasCase(budget, text, 'toLowerCase')),
};

/** A text in the middle of so many characters. */
export function center(budget: Budget, text: string, width: Value, fill: Value): string {
  if (countPoints(budget, textOf(fill)) !== 1) throw expected('one character', fill);
  const missing = intOf(width) - countPoints(budget, text);
  const before = Math.floor(missing / 2) + (missing & intOf(width) & 1);
  return pad(budget, text, missing, before, textOf(fill));
}

/** A search between two positions, which are those of code points. */
function found(search: (budget: Budget, text: string, part: string) => number): Builtin<string> {
  return takes('sub start? end?', (budget, text, part, start = null, end = null) => {
    const range = textOf(cut(budget, text, start, end));
    const at = search(budget, range, textOf(part));
    const [from] = indicesOf(countPoints(budget, text), start, end, 1);
    return at < 0 ? at : from + countPoints(budget, range.slice(0, at));
  });
}

function findLast(budget: Budget, text: string, part: string): number {
  budget.read(text.length * (1 + part.length / 32));
  return text.lastIndexOf(part);
}

function present(at: number): number {
  if (at < 0) throw new Refusal('looks for the place of a text that is not there');
  return at;
}

function asked(pattern: RegExp): Builtin<string> {
  return takes('', (budget, text) => {
    budget.read(text.length);
    return pattern.test(text);
  });
}
