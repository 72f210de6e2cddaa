/** The character that stands for each byte: visible Latin-1 for itself, U+0100 and up for the rest. */
export const ALPHABET: readonly string[] = alphabet();

/** The byte of each character of the alphabet by its code; -1 for none. */
const BYTES = bytesByCode();

const UTF8 = new TextEncoder();

/** The UTF-8 bytes of a text, a character for each. */
export function toByteLevel(text: string): string {
  // What is printed as itself needs no bytes: most words of English but for their space.
  if (/^[!-~]*$/.test(text)) return text;
  let letters = '';
  for (const byte of UTF8.encode(text)) letters += ALPHABET[byte];
  return letters;
}

/** The bytes that a token's characters stand for; undefined if one of them stands for none. */
export function bytesOf(token: string): number[] | undefined {
  const bytes: number[] = [];
  for (let i = 0; i < token.length; i++) {
    const byte = BYTES[token.charCodeAt(i)] ?? -1;
    if (byte < 0) return undefined;
    bytes.push(byte);
  }
  return bytes;
}

/** The text of UTF-8 bytes; what is no UTF-8 becomes U+FFFD. */
export function textOf(bytes: readonly number[]): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(bytes));
}

function bytesByCode(): Int16Array {
  const bytes = new Int16Array(0x144).fill(-1);
  for (const [byte, letter] of ALPHABET.entries()) bytes[letter.charCodeAt(0)] = byte;
  return bytes;
}

function alphabet(): string[] {
  let shifted = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const isVisible = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
    return String.fromCharCode(isVisible ? byte : shifted++);
  });
}
