import { decodeUtf8 } from './byte-reader.ts';
import { standIn } from './stand-in.ts';
import type { TpaError } from '../../base/errors.ts';

/** What JSON can hold at the top of a file. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Published files nest 3 to 5 deep. */
const MAX_DEPTH = 32;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING_BRACKET = 0x5b;
const CLOSING_BRACKET = 0x5d;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;

/** Makes the error of a text that breaks `rule`; `found` quotes nothing of it. */
export type Refuse = (rule: string, found: string) => TpaError;

/**
 * The value of a JSON text of bounded depth.
 *
 * @throws what `refuse` makes, without the engine's error as its cause: that would quote the file
 */
export function parseJson(bytes: Uint8Array, refuse: Refuse, ignoreBOM = true): unknown {
  const text = decodeUtf8(bytes, () => refuse('UTF-8 text', 'other bytes'), ignoreBOM);
  const isTooDeep = scanBrackets(bytes, (depth) => depth > MAX_DEPTH) !== undefined;
  if (isTooDeep) throw refuse(`at most ${MAX_DEPTH} levels`, 'more');
  try {
    return JSON.parse(text);
  } catch {
    throw refuse('JSON', standIn(bytes) ?? 'other text');
  }
}

/** The same value, where it is an object. @throws what `refuse` makes */
export function expectObject(json: unknown, refuse: Refuse): JsonObject {
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as JsonObject;
  throw refuse('an object', 'another value');
}

/**
 * The first bracket of JSON text in UTF-8 that `isFound` takes, by a linear scan: JSON.parse has no
 * limit of depth and takes about 120 ns a level, 8 s for 64 MB of brackets.
 *
 * @param isFound told how many are open behind each bracket
 */
export function scanBrackets(
  bytes: Uint8Array,
  isFound: (depth: number) => boolean,
): number | undefined {
  let depth = 0;
  let isInString = false;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (isInString) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) isInString = false;
    } else if (byte === QUOTE) {
      isInString = true;
    } else if (byte === OPENING_BRACKET || byte === OPENING_BRACE) {
      if (isFound(++depth)) return i;
    } else if (byte === CLOSING_BRACKET || byte === CLOSING_BRACE) {
      if (isFound(--depth)) return i;
    }
  }
  return undefined;
}
