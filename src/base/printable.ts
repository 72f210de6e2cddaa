/** Longest name shown in a message: enough for any real tensor name, too short to smuggle a text. */
const MAX_SHOWN = 80;

/**
 * A name from a file as a message may show it: printable ASCII, quotes and backslashes escaped, at
 * most `maxLength` characters.
 */
export function printable(name: string, maxLength = MAX_SHOWN): string {
  const escaped = name
    .slice(0, maxLength + 1)
    .replace(
      /[^\x20-\x7e]|["\\]/g,
      (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
  return escaped.length <= maxLength ? escaped : `${escaped.slice(0, maxLength - 3)}...`;
}
