import type { Draw } from './draw.ts';

type Json = Record<string, unknown>;

/** A copy of a JSON value with some places changed; what is not on the way to them is shared. */
export function mutated(value: unknown, draw: Draw, keys: readonly string[] = []): unknown {
  let changed = value;
  for (let n = draw.chance(0.7) ? 1 : draw.integer(2, 6); n > 0; n--) {
    changed = changedOnce(changed, draw, keys);
  }
  return changed;
}

function changedOnce(value: unknown, draw: Draw, keys: readonly string[]): unknown {
  if (typeof value !== 'object' || value === null || draw.chance(0.05)) return other(value, draw);
  if (Array.isArray(value)) return changedList(value, draw, keys);
  const entries = value as Json;
  const names = Object.keys(entries);
  const name = names.length > 0 && draw.chance(0.9) ? draw.pick(names) : undefined;
  if (name === undefined || draw.chance(0.05)) {
    const added = keys.length > 0 && draw.chance(0.8) ? draw.pick(keys) : draw.text(8);
    return { ...entries, [added]: draw.value() };
  }
  if (draw.chance(0.1)) {
    const { [name]: _, ...rest } = entries;
    return rest;
  }
  return { ...entries, [name]: changedOnce(entries[name], draw, keys) };
}

function changedList(list: readonly unknown[], draw: Draw, keys: readonly string[]): unknown[] {
  const at = draw.integer(0, Math.max(0, list.length - 1));
  switch (draw.integer(0, 4)) {
    case 0:
      return list.toSpliced(at, 1);
    case 1:
      return list.toSpliced(at, 0, draw.value());
    case 2: // the same again, up to more often than anything is allowed
      return list.length > 0 ? list.toSpliced(at, 0, ...repeated(list[at], draw)) : [draw.value()];
    default:
      return list.length > 0 ? list.with(at, changedOnce(list[at], draw, keys)) : [draw.value()];
  }
}

function repeated(item: unknown, draw: Draw): unknown[] {
  return Array.from({ length: draw.pick([1, 1, 2, 5, 17, 70]) }, () => item);
}

/** Another value in place of a leaf: near it, or of another kind. */
function other(value: unknown, draw: Draw): unknown {
  if (draw.chance(0.4)) return draw.value();
  if (typeof value === 'number') return value + draw.pick([-1, 1, 0.5, value, -2 * value]);
  if (typeof value === 'boolean') return !value;
  if (typeof value !== 'string') return draw.value();
  const at = draw.integer(0, value.length);
  return value.slice(0, at) + draw.text(6) + value.slice(draw.chance(0.5) ? at : at + 1);
}

/** A copy of some bytes, changed: bits, numbers at the edges, a cut, a part again. */
export function mutatedBytes(bytes: Uint8Array, draw: Draw): Uint8Array {
  let changed = bytes.slice();
  for (let n = draw.chance(0.7) ? 1 : draw.integer(2, 4); n > 0 && changed.length > 0; n--) {
    const at = draw.integer(0, changed.length - 1);
    const kind = draw.integer(0, 5);
    if (kind === 0) changed[at]! ^= 1 << draw.integer(0, 7);
    else if (kind < 3) changed[at] = draw.pick([0, 1, 2, 0x22, 0x2c, 0x7b, 0x7f, 0x80, 0xff]);
    else if (kind === 3) changed.fill(draw.pick([0, 0xff]), at, at + draw.pick([2, 4, 8]));
    else if (kind === 4) changed = changed.slice(0, at);
    else changed.copyWithin(at, draw.integer(0, changed.length - 1), changed.length);
  }
  return changed;
}
