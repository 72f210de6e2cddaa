/** A pattern in a text: UTF-16 units `start` … `end - 1`. */
export interface Match {
  readonly start: number;
  readonly end: number;
  /** Index of the pattern. */
  readonly pattern: number;
}

const UNKNOWN = -1;
const NONE = -2;

/**
 * Finds many patterns at once (Aho-Corasick): the time grows with the text, however many and however
 * alike the patterns are. It reads backwards, so that one look at each unit gives the longest pattern
 * that begins there, rather than all that end there.
 */
export class MultiSearch {
  readonly #lengths: readonly number[];
  /** The node behind a node and a unit; a node is the end of some pattern, from its last unit back. */
  readonly #children = new Map<number, number>();
  readonly #parents: number[] = [0];
  readonly #units: number[] = [0];
  /** The longest other node that a node's path, read backwards, ends with; 0 is the root. */
  readonly #shorter: number[] = [0];
  /** The longest pattern that begins where a node's path does. */
  readonly #found: number[] = [NONE];

  /** @param patterns texts of at least one unit; of two that are the same the first counts */
  constructor(patterns: readonly string[]) {
    this.#lengths = patterns.map(({ length }) => length);
    for (const [index, pattern] of patterns.entries()) {
      let node = 0;
      for (let i = pattern.length - 1; i >= 0; i--) node = this.#grow(node, pattern.charCodeAt(i));
      if (this.#found[node] === UNKNOWN) this.#found[node] = index;
    }
  }

  /**
   * The first match, and of those that begin together the longest; the next begins where it ended, or
   * later.
   */
  find(text: string): Match[] {
    const longest = new Int32Array(text.length);
    let node = 0;
    for (let i = text.length - 1; i >= 0; i--) {
      node = this.#next(node, text.charCodeAt(i));
      longest[i] = this.#foundAt(node);
    }
    const matches: Match[] = [];
    for (let start = 0; start < text.length;) {
      const pattern = longest[start]!;
      const end = start + (pattern === NONE ? 1 : this.#lengths[pattern]!);
      if (pattern !== NONE) matches.push({ start, end, pattern });
      start = end;
    }
    return matches;
  }

  #grow(node: number, unit: number): number {
    const key = keyOf(node, unit);
    let child = this.#children.get(key);
    if (child === undefined) {
      child = this.#parents.push(node) - 1;
      this.#children.set(key, child);
      this.#units.push(unit);
      this.#shorter.push(UNKNOWN);
      this.#found.push(UNKNOWN);
    }
    return child;
  }

  #next(node: number, unit: number): number {
    for (let at = node; ; at = this.#shorterOf(at)) {
      const child = this.#children.get(keyOf(at, unit));
      if (child !== undefined || at === 0) return child ?? 0;
    }
  }

  /** Worked out when a text first asks for it: of 65,536 tokens most never come up. */
  #shorterOf(node: number): number {
    let shorter = this.#shorter[node]!;
    if (shorter === UNKNOWN) {
      const parent = this.#parents[node]!;
      shorter = parent === 0 ? 0 : this.#next(this.#shorterOf(parent), this.#units[node]!);
      this.#shorter[node] = shorter;
    }
    return shorter;
  }

  #foundAt(node: number): number {
    let found = this.#found[node]!;
    if (found === UNKNOWN) {
      found = this.#foundAt(this.#shorterOf(node));
      this.#found[node] = found;
    }
    return found;
  }
}

function keyOf(node: number, unit: number): number {
  return node * 2 ** 16 + unit;
}
