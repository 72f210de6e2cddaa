import type { TextTokenizer } from './tokenizer.ts';

/** A special token's text in a longer one: UTF-16 units `start` … `end - 1`. */
interface Occurrence {
  readonly start: number;
  readonly end: number;
  readonly id: number;
}

const PRIVATE_USE_START = 0xe000;
const PRIVATE_USE_END = 0xf900;
/** Template code tests letters, digits and spaces of messages; the rest marks special tokens. */
const PLAIN = /[\p{L}\p{N}\s]/u;

/**
 * Keeps the text of messages from becoming special tokens when a template joins it with its own.
 * Before rendering, the characters that mark special tokens (`<`, `|`, `>` …) are replaced in the
 * messages by private-use ones, unit for unit, so that trimming and counting give the same.
 * Afterwards they are put back, and a special token with even one character from a message is text.
 */
export class SpecialGuard {
  readonly #tokenizer: TextTokenizer;
  readonly #standIns = new Map<string, string>();
  readonly #originals = new Map<string, string>();
  readonly #exempt: readonly string[];

  /**
   * @param taken texts whose private-use characters mean themselves
   * @param literals text that the template looks for in messages, which therefore stays as it is
   *   unless it can be part of a special token
   * @throws RangeError if the texts use the whole private-use area
   */
  constructor(tokenizer: TextTokenizer, taken: readonly string[], literals: readonly string[]) {
    this.#tokenizer = tokenizer;
    const specials = [...tokenizer.specialTokens.keys()];
    const used = new Set(taken.flatMap((text) => text.match(/[\uE000-\uF8FF]/g) ?? []));
    let next = PRIVATE_USE_START;
    for (const mark of new Set(specials.flatMap(marksOf))) {
      while (used.has(String.fromCharCode(next))) next++;
      if (next >= PRIVATE_USE_END) {
        throw new RangeError('"messages" expected some unused private-use characters, got none');
      }
      const standIn = String.fromCharCode(next++);
      this.#standIns.set(mark, standIn);
      this.#originals.set(standIn, mark);
    }
    this.#exempt = literals.filter(
      (literal) =>
        this.#isMarked(literal) && !specials.some((special) => canShareText(literal, special)),
    );
  }

  /** The text of a message as the template may see it. */
  hide(text: string): string {
    if (!this.#isMarked(text)) return text;
    const isKept = new Uint8Array(text.length);
    for (const literal of this.#exempt) {
      for (const start of starts(text, literal)) isKept.fill(1, start, start + literal.length);
    }
    const units = text.split('');
    return units.map((unit, i) => (isKept[i] ? unit : this.#standIns.get(unit)) ?? unit).join('');
  }

  /**
   * The ids of a rendered text: its own special tokens are parsed, those that messages brought are
   * not. Without the latter this is `encode(text, { parseSpecial: true })`.
   *
   * @throws TpaError `TOKENIZER_INVALID`
   */
  encode(rendered: string): number[] {
    const tokenizer = this.#tokenizer;
    const isHidden = new Uint8Array(rendered.length);
    const text = rendered.replaceAll(/[\uE000-\uF8FF]/g, (unit, at: number) => {
      const original = this.#originals.get(unit);
      if (original !== undefined) isHidden[at] = 1;
      return original ?? unit;
    });
    const all = this.#occurrences(text);
    const own = all.filter(({ start, end }) => !isHidden.subarray(start, end).includes(1));
    const parsed = withoutOverlaps(own);
    if (own.length === all.length) {
      const ids = tokenizer.encode(text, { parseSpecial: true });
      // A normalizer or a merge may make a special token of text that does not spell it.
      const special = new Set(tokenizer.specialTokens.values());
      const found = ids.filter((id) => special.has(id));
      if (found.length === parsed.length && found.every((id, i) => id === parsed[i]!.id)) {
        return ids;
      }
    }
    const parts: number[][] = [];
    let done = 0;
    for (const { start, end, id } of parsed) {
      parts.push(tokenizer.encode(text.slice(done, start)), [id]);
      done = end;
    }
    parts.push(tokenizer.encode(text.slice(done)));
    return parts.flat();
  }

  #isMarked(text: string): boolean {
    for (const mark of this.#standIns.keys()) if (text.includes(mark)) return true;
    return false;
  }

  /** Every place of every special token, overlaps included. */
  #occurrences(text: string): Occurrence[] {
    return Array.from(this.#tokenizer.specialTokens, ([special, id]) =>
      starts(text, special).map((start) => ({ start, end: start + special.length, id })),
    ).flat();
  }
}

/** The units of a special token that mark it; the first one where none stands out. */
function marksOf(special: string): string[] {
  const marks = special.split('').filter((unit) => !PLAIN.test(unit));
  return marks.length > 0 ? marks : [special[0]!];
}

/** Whether one holds the other, or begins with what the other ends with. */
function canShareText(a: string, b: string): boolean {
  for (let length = 1; length < Math.min(a.length, b.length); length++) {
    if (a.endsWith(b.slice(0, length)) || b.endsWith(a.slice(0, length))) return true;
  }
  return a.includes(b) || b.includes(a);
}

function starts(text: string, part: string): number[] {
  const found: number[] = [];
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + 1)) found.push(at);
  return found;
}

/** The first, and of several that begin together the longest, as tokenizers take them. */
function withoutOverlaps(occurrences: readonly Occurrence[]): Occurrence[] {
  const sorted = occurrences.toSorted((a, b) => a.start - b.start || b.end - a.end);
  let free = 0;
  return sorted.filter(({ start, end }) => {
    if (start < free) return false;
    free = end;
    return true;
  });
}
