import { type Budget, Refusal } from '../budget.ts';
import { type Builtin, type Builtins, builtinOf, callBuiltin } from './builtin.ts';
import { cut } from '../values/slices.ts';
import { pad, replace, splitLines, splitRight } from '../values/text.ts';
import { stripOf, TEXT_METHODS } from './text-methods.ts';
import { print } from '../values/printing.ts';
import { countPoints, intOf, isTrue, NO_NAMES, textOf, type Value } from '../values/value.ts';

/** Filters that make text of whatever they are given. */
export const TEXT_FILTERS: Builtins<Value> = {
  upper: method('upper'),
  lower: method('lower'),
  capitalize: method('capitalize'),
  title: [
    '',
    (budget, value) => {
      const text = printed(budget, value);
      // Words begin behind blanks and opening brackets, unlike those of the method.
      return text.replaceAll(/[^-\s({[<]+/g, (word) => {
        const [first = ''] = word;
        return first.toUpperCase() + word.slice(first.length).toLowerCase();
      });
    },
  ],
  trim: [
    'chars?',
    (budget, value, characters = null) => {
      const text = printed(budget, value);
      return stripOf(budget, text, 'both', characters);
    },
  ],
  string: ['', print],
  safe: ['', print],
  escape: ['', escape],
  e: ['', escape],
  forceescape: ['', escape],
  replace: [
    'old new count?',
    (budget, value, old, by, count = null) =>
      replace(
        budget,
        print(budget, value),
        print(budget, old),
        print(budget, by),
        count === null ? -1 : intOf(count),
      ),
  ],
  center: [
    'width?',
    (budget, value, width = 80) =>
      callBuiltin(TEXT_METHODS['center']!, budget, print(budget, value), [width], NO_NAMES),
  ],
  indent: [
    'width? first? blank?',
    (budget, value, width = 4, first = false, blank = false) => {
      const text = textOf(value);
      const indention =
        typeof width === 'string' ? width : pad(budget, '', intOf(width), intOf(width));
      const lines = splitLines(budget, `${text}\n`);
      budget.write(text.length + lines.length * (1 + indention.length));
      return lines
        .map((line, i) => {
          const isIndented = i === 0 ? isTrue(first) : line !== '' || isTrue(blank);
          return isIndented ? indention + line : line;
        })
        .join('\n');
    },
  ],
  truncate: [
    'length? killwords? end? leeway?',
    (budget, value, length = 255, killWords = false, end = '...', leeway = null) => {
      const text = textOf(value);
      const most = intOf(length);
      const kept = most - countPoints(budget, textOf(end));
      if (kept < 0) throw new Refusal('truncates a text to less than its end');
      if (countPoints(budget, text) <= most + (leeway === null ? 5 : intOf(leeway))) return text;
      const start = textOf(cut(budget, text, null, kept));
      return (isTrue(killWords) ? start : splitRight(budget, start, ' ', 1)[0]!) + textOf(end);
    },
  ],
  wordcount: ['', (budget, value) => printed(budget, value).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0],
};

function printed(budget: Budget, value: Value): string {
  const text = print(budget, value);
  budget.read(4 * text.length);
  return text;
}

function method(name: string): Builtin<Value> {
  const builtin = builtinOf(TEXT_METHODS, name)!;
  return ['', (budget, value) => builtin[1](budget, print(budget, value))];
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  "'": '&#39;',
  '"': '&#34;',
};

function escape(budget: Budget, value: Value): string {
  const text = print(budget, value);
  budget.read(2 * text.length);
  let escaped = '';
  let done = 0;
  for (const { 0: unit, index } of budget.plain(text).matchAll(/[&<>'"]/g)) {
    escaped += text.slice(done, index) + ENTITIES[unit]!;
    done = index + 1;
  }
  escaped += text.slice(done);
  budget.write(escaped.length);
  return escaped;
}
