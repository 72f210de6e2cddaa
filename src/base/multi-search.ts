/** A pattern in a text: UTF-16 units `start` … `end - 1`. */
export interface Match {
  readonly start: number;
  readonly end: number;
  /** Index of the pattern. */
  readonly pattern: number;
}

/**
 * Finds many patterns at once (Aho-Corasick): the time grows with the text, however many and however
 * alike the patterns are. It reads backwards, so that one look at each unit gives the longest pattern
 * that begins there, rather than all that end there.
 */
export class MultiSearch {
  readonly #lengths: readonly number[];
  /** The node behind a node and a unit; a node is the end of some pattern, from its last unit back. */
  readonly #children = new Map<number, number>();
  /** The longest other node that a node's path, read backwards, ends with; 0 is the root. */
  readonly #shorter: number[] = [0];
  /** The longest pattern that begins where a node's path does; -1 for none. */
  readonly #found: number[] = [-1];

  /** @param patterns texts of at least one unit; of two that are the same the first counts */
  constructor(patterns: readonly string[]) {
    this.#lengths = patterns.map(({ length }) => length);
    const paths: [node: number, unit: number, parent: number][] = [];
    for (const [index, pattern] of patterns.entries()) {
      let node = 0;
      for (let i = pattern.length - 1; i >= 0; i--) {
        const unit = pattern.charCodeAt(i);
        let child = this.#children.get(keyOf(node, unit));
        if (child === undefined) {
          child = this.#found.push(-1) - 1;
          this.#children.set(keyOf(node, unit), child);
          paths.push([child, unit, node]);
        }
        node = child;
      }
      if (this.#found[node] === -1) this.#found[node] = index;
    }
    this.#link(paths);
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
      longest[i] = this.#found[node]!;
    }
    const matches: Match[] = [];
    for (let start = 0; start < text.length;) {
      const pattern = longest[start]!;
      const end = start + (pattern < 0 ? 1 : this.#lengths[pattern]!);
      if (pattern >= 0) matches.push({ start, end, pattern });
      start = end;
    }
    return matches;
  }

  /** Shorter paths first, since a node's links lead to shorter ones. */
  #link(paths: readonly (readonly [node: number, unit: number, parent: number])[]): void {
    const depths = new Int32Array(paths.length + 1);
    for (const [node, , parent] of paths) depths[node] = depths[parent]! + 1;
    for (const [node, unit, parent] of paths.toSorted(([a], [b]) => depths[a]! - depths[b]!)) {
      const shorter = parent === 0 ? 0 : this.#next(this.#shorter[parent]!, unit);
      this.#shorter[node] = shorter;
      if (this.#found[node] === -1) this.#found[node] = this.#found[shorter]!;
    }
  }

  #next(node: number, unit: number): number {
    for (let at = node; ; at = this.#shorter[at]!) {
      const child = this.#children.get(keyOf(at, unit));
      if (child !== undefined || at === 0) return child ?? 0;
    }
  }
}

function keyOf(node: number, unit: number): number {
  return node * 2 ** 16 + unit;
}
