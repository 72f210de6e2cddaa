const PRIVATE_USE_START = 0xe000;
const PRIVATE_USE_END = 0xf900;
const PRIVATE_USE = /[\uE000-\uF8FF]/g;
/** No blanks, and neither quotes, backslashes nor control characters: JSON escapes no stand-in. */
const VISIBLE = /(?!\s)[!#-&(-[\]-\uDFFF\uF900-\uFFFF]/g;
/** Each unit for itself: to make it takes 2 ms, to copy it microseconds. */
const SAME = Uint16Array.from({ length: 2 ** 16 }, (_, unit) => unit);
/** Units that are translated at once: as many arguments as any engine takes. */
const CHUNK = 4096;

/**
 * Private-use characters that stand for those of people's text while a template works with it, unit
 * for unit, so that trimming and counting give the same; afterwards they tell that text from the
 * template's own.
 */
export class StandIns {
  readonly #used: ReadonlySet<string>;
  readonly #marked: RegExp;
  /** What each unit becomes, and what it was; most stay what they are. */
  readonly #hidden = SAME.slice();
  readonly #original = SAME.slice();
  /** Stand-ins of units that are hidden in some words only. */
  readonly #others = new Map<string, string>();
  #next = PRIVATE_USE_START;

  /**
   * @param marks units that have a stand-in wherever they are
   * @param taken texts whose private-use characters mean themselves
   * @throws RangeError where no stand-in is free
   */
  constructor(marks: Iterable<string>, taken: readonly string[]) {
    this.#used = new Set(taken.flatMap((text) => text.match(PRIVATE_USE) ?? []));
    let members = '';
    for (const mark of marks) {
      const unit = mark.charCodeAt(0);
      this.#hidden[unit] = this.#take(unit);
      members += `\\u${unit.toString(16).padStart(4, '0')}`;
    }
    this.#marked = new RegExp(`[${members}]`);
  }

  /** The text of a person as the template may see it. */
  hide(text: string): string {
    return this.isMarked(text) ? translate(text, this.#hidden) : text;
  }

  /** The same with all of the first and the last word hidden. @throws RangeError as the constructor */
  hideWords(text: string): string {
    const hidden = this.hide(text);
    const first = /^\s*\S*/.exec(hidden)![0].length;
    let last = hidden.trimEnd().length;
    while (last > first && hidden[last - 1]!.trim() !== '') last--;
    const all = (word: string): string => word.replaceAll(VISIBLE, (unit) => this.#other(unit));
    return all(hidden.slice(0, first)) + hidden.slice(first, last) + all(hidden.slice(last));
  }

  /** Whether a text has a unit that {@link hide} would replace. */
  isMarked(text: string): boolean {
    return this.#marked.test(text);
  }

  /** A character that is nowhere else. @throws RangeError as the constructor */
  unused(): string {
    return String.fromCharCode(this.#take(0));
  }

  /** The text that stand-ins stand for. */
  restore(text: string): string {
    return text.search(PRIVATE_USE) < 0 ? text : translate(text, this.#original);
  }

  #other(unit: string): string {
    let standIn = this.#others.get(unit);
    if (standIn === undefined) {
      standIn = String.fromCharCode(this.#take(unit.charCodeAt(0)));
      this.#others.set(unit, standIn);
    }
    return standIn;
  }

  #take(original: number): number {
    while (this.#used.has(String.fromCharCode(this.#next))) this.#next++;
    if (this.#next >= PRIVATE_USE_END) {
      throw new RangeError('"messages" expected some unused private-use characters, got none');
    }
    this.#original[this.#next] = original;
    return this.#next++;
  }
}

function translate(text: string, table: Uint16Array): string {
  // An array, no typed one: spreading goes through an iterator there, ten times as long.
  const units: number[] = [];
  let translated = '';
  for (let at = 0; at < text.length; at += CHUNK) {
    const end = Math.min(text.length, at + CHUNK);
    units.length = 0;
    for (let i = at; i < end; i++) units.push(table[text.charCodeAt(i)]!);
    translated += String.fromCharCode(...units);
  }
  return translated;
}
