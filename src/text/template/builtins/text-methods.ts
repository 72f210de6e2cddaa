import { type Budget, Refusal } from '../budget.ts';
import type { Builtin, Builtins } from './builtin.ts';
import { find } from '../values/comparison.ts';
import { cut, indicesOf } from '../values/slices.ts';
import {
  capitalize,
  hasCase,
  pad,
  replace,
  type Side,
  split,
  splitLines,
  splitRight,
  strip,
} from '../values/text.ts';
import {
  countPoints,
  expected,
  intOf,
  isTrue,
  itemsOf,
  textOf,
  Tuple,
  type Value,
} from '../values/value.ts';

/** The methods of a Python string that make sense in a template. */
export const TEXT_METHODS: Builtins<string> = {
  upper: mapped((text) => text.toUpperCase()),
  lower: mapped((text) => text.toLowerCase()),
  capitalize: mapped(capitalize),
  title: mapped((text) => text.replaceAll(/\p{L}+/gu, (word) => capitalize(word))),
  strip: stripped('both'),
  lstrip: stripped('left'),
  rstrip: stripped('right'),
  split: [
    'sep? maxsplit?',
    (budget, text, separator = null, limit = -1) =>
      split(budget, text, separatorOf(separator), intOf(limit)),
  ],
  rsplit: [
    'sep? maxsplit?',
    (budget, text, separator = null, limit = -1) =>
      splitRight(budget, text, separatorOf(separator), intOf(limit)),
  ],
  splitlines: [
    'keepends?',
    (budget, text, keepEnds = false) => splitLines(budget, text, isTrue(keepEnds)),
  ],
  replace: [
    'old new count?',
    (budget, text, old, by, count = -1) =>
      replace(budget, text, textOf(old), textOf(by), intOf(count)),
  ],
  startswith: affix((text, part) => text.startsWith(part)),
  endswith: affix((text, part) => text.endsWith(part)),
  removeprefix: [
    'prefix',
    (budget, text, prefix) => {
      budget.write(text.length);
      const part = budget.plain(textOf(prefix));
      return budget.plain(text).startsWith(part) ? text.slice(part.length) : text;
    },
  ],
  removesuffix: [
    'suffix',
    (budget, text, suffix) => {
      budget.write(text.length);
      const part = budget.plain(textOf(suffix));
      const isThere = part !== '' && budget.plain(text).endsWith(part);
      return isThere ? text.slice(0, -part.length) : text;
    },
  ],
  find: found((budget, text, part) => find(budget, text, part)),
  rfind: found(findLast),
  index: found((budget, text, part) => present(find(budget, text, part))),
  rindex: found((budget, text, part) => present(findLast(budget, text, part))),
  count: [
    'sub start? end?',
    (budget, text, part, start = null, end = null) => {
      const range = textOf(cut(budget, text, start, end));
      if (part === '') return countPoints(budget, range) + 1;
      return split(budget, range, textOf(part), -1).length - 1;
    },
  ],
  partition: [
    'sep',
    (budget, text, separator) => {
      const [before = '', after] = split(budget, text, textOf(separator), 1);
      return after === undefined ? Tuple.of(text, '', '') : Tuple.of(before, separator, after);
    },
  ],
  rpartition: [
    'sep',
    (budget, text, separator) => {
      const [before = '', after] = splitRight(budget, text, textOf(separator), 1);
      return after === undefined ? Tuple.of('', '', text) : Tuple.of(before, separator, after);
    },
  ],
  join: [
    'iterable',
    (budget, text, list) => {
      const parts = itemsOf(budget, list).map(textOf);
      const length = parts.reduce((sum, part) => sum + part.length, 0);
      budget.write(length + text.length * parts.length);
      return parts.join(text);
    },
  ],
  zfill: [
    'width',
    (budget, text, width) => {
      const sign = /^[+-]/.test(text) ? text[0]! : '';
      const missing = intOf(width) - countPoints(budget, text);
      return sign + pad(budget, text.slice(sign.length), missing, missing, '0');
    },
  ],
  center: [
    'width fillchar?',
    (budget, text, width, fill = ' ') => {
      if (countPoints(budget, textOf(fill)) !== 1) throw expected('one character', fill);
      const missing = intOf(width) - countPoints(budget, text);
      const before = Math.floor(missing / 2) + (missing & intOf(width) & 1);
      return pad(budget, text, missing, before, textOf(fill));
    },
  ],
  isdigit: asked(/^[\p{Nd}²³¹⁰⁴-⁹₀-₉]+$/u),
  isalpha: asked(/^\p{L}+$/u),
  isalnum: asked(/^[\p{L}\p{N}]+$/u),
  isspace: ['', (budget, text) => (budget.read(text.length), text !== '' && strip(text) === '')],
  isupper: ['', (budget, text) => hasCase(budget, text, 'toUpperCase')],
  islower: ['', (budget, text) => hasCase(budget, text, 'toLowerCase')],
};

function mapped(change: (text: string) => string): Builtin<string> {
  return [
    '',
    (budget, text) => {
      budget.read(2 * text.length);
      const changed = change(text);
      budget.write(changed.length);
      return changed;
    },
  ];
}

function stripped(side: Side): Builtin<string> {
  return [
    'chars?',
    (budget, text, characters = null) => {
      budget.read(4 * text.length);
      return stripOf(budget, text, side, characters);
    },
  ];
}

/** Without some characters, which are null for blanks, at its ends. */
export function stripOf(budget: Budget, text: string, side: Side, characters: Value): string {
  if (characters === null) return strip(text, side);
  return strip(text, side, budget.plain(textOf(characters)), budget.plain(text));
}

function separatorOf(value: Value): string | undefined {
  return value === null ? undefined : textOf(value);
}

function affix(has: (text: string, part: string) => boolean): Builtin<string> {
  return [
    'prefix start? end?',
    (budget, text, parts, start = null, end = null) => {
      const range = textOf(cut(budget, text, start, end));
      if (Array.isArray(parts) && !(parts instanceof Tuple)) throw expected('a tuple', parts);
      const all: readonly Value[] = parts instanceof Tuple ? parts : [parts];
      return all.some((part) => {
        budget.read(textOf(part).length);
        return has(budget.plain(range), budget.plain(textOf(part)));
      });
    },
  ];
}

/** A search between two positions, which are those of code points. */
function found(search: (budget: Budget, text: string, part: string) => number): Builtin<string> {
  return [
    'sub start? end?',
    (budget, text, part, start = null, end = null) => {
      const range = textOf(cut(budget, text, start, end));
      const at = search(budget, range, textOf(part));
      const [from] = indicesOf(countPoints(budget, text), start, end, 1);
      return at < 0 ? at : from + countPoints(budget, range.slice(0, at));
    },
  ];
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
  return ['', (budget, text) => (budget.read(text.length), pattern.test(text))];
}
