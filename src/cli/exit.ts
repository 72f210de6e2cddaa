/** A command line that cannot be understood; its message is one line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Enough to recognise what was typed. */
const MAX_SHOWN = 60;

/** A word of the command line as a message may show it: printable, short, quoted. */
export function shown(word: string): string {
  const start = word.length > MAX_SHOWN ? `${word.slice(0, MAX_SHOWN - 3)}...` : word;
  return `"${start.replaceAll(/\p{C}/gu, '?')}"`;
}
