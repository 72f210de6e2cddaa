import type { Budget } from '../budget.ts';
import { cut } from '../values/slices.ts';
import { join, replace, type Side, split, strip } from '../values/text.ts';
import { expected, intOf, itemsOf, textOf, Tuple, type Value } from '../values/value.ts';
import { type Builtin, type Builtins, takes } from './builtin.ts';

/** The methods of a Python string that many templates call. */
export const TEXT_METHODS: Builtins<string> = {
  upper: mapped((text) => text.toUpperCase()),
  lower: mapped((text) => text.toLowerCase()),
  strip: stripped('both'),
  lstrip: stripped('left'),
  rstrip: stripped('right'),
  split: takes('sep? maxsplit?', (budget, text, separator = null, limit = -1) =>
    split(budget, text, separator === null ? undefined : textOf(separator), intOf(limit)),
  ),
  replace: takes('old new count?', (budget, text, old, by, count = -1) =>
    replace(budget, text, textOf(old), textOf(by), intOf(count)),
  ),
  join: takes('iterable', (budget, text, list) =>
    join(budget, text, itemsOf(budget, list).map(textOf)),
  ),
  startswith: affix((text, part) => text.startsWith(part)),
  endswith: affix((text, part) => text.endsWith(part)),
};

/** A method that makes another text of the whole one. */
export function mapped(change: (text: string) => string): Builtin<string> {
  return takes('', (budget, text) => {
    budget.read(2 * text.length);
    const changed = change(text);
    budget.write(changed.length);
    return changed;
  });
}

function stripped(side: Side): Builtin<string> {
  return takes('chars?', (budget, text, characters = null) =>
    stripOf(budget, text, side, characters),
  );
}

/** Without some characters, which are null for blanks, at its ends. */
export function stripOf(budget: Budget, text: string, side: Side, characters: Value): string {
  budget.read(4 * text.length);
  if (characters === null) return strip(text, side);
  return strip(text, side, budget.plain(textOf(characters)), budget.plain(text));
}

function affix(has: (text: string, part: string) => boolean): Builtin<string> {
  return takes('prefix start? end?', (budget, text, parts, start = null, end = null) => {
    const range = textOf(cut(budget, text, start, end));
    if (Array.isArray(parts) && !(parts instanceof Tuple)) throw expected('a tuple', parts);
    const all: readonly Value[] = parts instanceof Tuple ? parts : [parts];
    return all.some((part) => {
      budget.read(textOf(part).length);
      return has(budget.plain(range), budget.plain(textOf(part)));
    });
  });
}
