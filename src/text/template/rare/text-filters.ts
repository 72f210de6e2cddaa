import { type Budget, Refusal } from '../budget.ts';
import { type Builtins, takes } from '../builtins/builtin.ts';
import { print } from '../values/printing.ts';
import { cut } from '../values/slices.ts';
import { countPoints, intOf, isTrue, textOf, type Value } from '../values/value.ts';
import { capitalize, pad, splitLines, splitRight } from './text.ts';
import { center } from './text-methods.ts';

/** Filters that few templates name, which make text of whatever they are given. */
export const TEXT_FILTERS: Builtins<Value> = {
  capitalize: takes('', (budget, value) => capitalize(printed(budget, value))),
  title: takes('', (budget, value) => {
    const text = printed(budget, value);
    // Words begin behind blanks and opening brackets, unlike those of the method.
    return text.replaceAll(/[^-\s({[<]+/g, (word) => {
      const [first = ''] = word;
      return first.toUpperCase() + word.slice(first.length).toLowerCase();
    });
  }),
  escape: takes('', escape),
  e: takes('', escape),
  forceescape: takes('', escape),
  center: takes('width?', (budget, value, width = 80) =>
    center(budget, print(budget, value), width, ' '),
  ),
  indent: takes(
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
  ),
  truncate: takes(
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
  ),
  wordcount: takes(
    '',
    (budget, value) => printed(budget, value).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0,
  ),
};

function printed(budget: Budget, value: Value): string {
  const text = print(budget, value);
  budget.read(4 * text.length);
  return text;
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
