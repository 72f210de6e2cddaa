const PRIVATE_USE_END = 0xf900;
const PRIVATE_USE = /[\uE000-\uF8FF]/g;
/** The first and the last word of a text. */
const OUTER_WORDS = /^\s*\S+|\S+\s*$/g;

/**
 * Private-use characters that stand for those of people's text while a template works with it, unit
 * for unit, so that trimming and counting give the same; afterwards they tell that text from the
 * template's own.
 */
export class StandIns {
  readonly #used: ReadonlySet<string>;
  readonly #standIns = new Map<string, string>();
  readonly #originals = new Map<string, string>();
  readonly #marked: RegExp;
  #next = 0xe000;

  /**
   * @param marks units that have a stand-in wherever they are
   * @param taken texts whose private-use characters mean themselves
   */
  constructor(marks: Iterable<string>, taken: readonly string[]) {
    this.#used = new Set(taken.flatMap((text) => text.match(PRIVATE_USE) ?? []));
    let members = '';
    for (const mark of marks) {
      this.#of(mark); // now, so that a mark's stand-in does not depend on what is hidden first
      members += `\\u${hexOf(mark)}`;
    }
    this.#marked = new RegExp(`[${members}]`, 'g');
  }

  /** The text of a person as the template may see it. @throws RangeError where no stand-in is free */
  hide(text: string): string {
    return text.replaceAll(this.#marked, (unit) => this.#of(unit));
  }

  /** The same with all of the first and the last word hidden. */
  hideWords(text: string): string {
    return this.hide(text).replaceAll(OUTER_WORDS, (word) =>
      word.replaceAll(/[^\s\uE000-\uF8FF]/g, (unit) => this.#of(unit)),
    );
  }

  isMarked(text: string): boolean {
    return text.search(this.#marked) >= 0;
  }

  /** A character that stands for nothing. */
  markEnd(): string {
    return this.#take('');
  }

  /** The text that stand-ins stand for. */
  restore(text: string): string {
    return text.replaceAll(PRIVATE_USE, (unit) => this.#originals.get(unit) ?? unit);
  }

  #of(unit: string): string {
    let standIn = this.#standIns.get(unit);
    if (standIn === undefined) this.#standIns.set(unit, (standIn = this.#take(unit)));
    return standIn;
  }

  #take(original: string): string {
    while (this.#used.has(String.fromCharCode(this.#next))) this.#next++;
    if (this.#next >= PRIVATE_USE_END) {
      throw new RangeError('"messages" expected some unused private-use characters, got none');
    }
    const standIn = String.fromCharCode(this.#next++);
    this.#originals.set(standIn, original);
    return standIn;
  }
}

function hexOf(unit: string): string {
  return unit.charCodeAt(0).toString(16).padStart(4, '0');
}
