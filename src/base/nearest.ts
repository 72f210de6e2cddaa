/** Misspellings at most this many edits away, and half the word, are worth a suggestion. */
const MAX_DISTANCE = 3;

/** Longer words are compared by their beginning: the cost is the product of the lengths. */
const MAX_COMPARED = 40;

/**
 * The word that was probably meant; case, `-` and `_` count for nothing.
 *
 * @returns the known word the fewest edits away, `undefined` if none is near
 *
 * @example
 * nearest('top_p', ['topK', 'topP']); // 'topP'
 */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = MAX_DISTANCE + 1;
  const plainWord = plain(word);
  for (const candidate of known) {
    const plainCandidate = plain(candidate);
    const distance = editDistance(plainWord, plainCandidate);
    if (distance >= least || distance > plainCandidate.length / 2) continue;
    least = distance;
    best = candidate;
  }
  return best;
}

function plain(word: string): string {
  return word.slice(0, MAX_COMPARED).replaceAll(/[_-]/g, '').toLowerCase();
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
