/**
 * Reads `--threads N[,N]`.
 *
 * @returns ascending, each once
 * @throws RangeError unless all are 1 … 64
 */
export function readThreadCounts(text = '1'): number[] {
  const counts = text.split(',').map(Number);
  if (counts.every((count) => Number.isInteger(count) && count >= 1 && count <= 64)) {
    return [...new Set(counts)].toSorted((a, b) => a - b);
  }
  throw new RangeError(`"--threads" expected numbers of 1 … 64, got "${text}"`);
}

/** `1 thread`, `2 threads`. */
export function threadsTitle(threads: number): string {
  return `${threads} ${threads === 1 ? 'thread' : 'threads'}`;
}
