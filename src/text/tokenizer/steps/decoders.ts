import { bytesOf, textOf } from '../byte-level.ts';
import { type JsonObject, readCharacter, readCount, readSteps } from '../fields.ts';
import { readMetaspace } from './metaspace.ts';
import { readReplacement } from './normalizers.ts';

/** Changes the texts of tokens, which are then joined. */
export interface Decoder {
  /** How many times as long as its input the result may be. */
  readonly growth: number;
  readonly isByteLevel?: boolean;
  /** @param before the token before the first one; undefined where the text begins */
  decode(tokens: readonly string[], before: string | undefined): readonly string[];
}

const READERS = new Map(
  Object.entries<(step: JsonObject) => Decoder>({
    ByteLevel: () => ({ growth: 1, isByteLevel: true, decode: decodeByteLevel }),
    ByteFallback: () => ({ growth: 1, decode: decodeBytes }),
    Fuse: () => ({ growth: 1, decode: (tokens) => [tokens.join('')] }),
    Replace: readReplace,
    Strip: readStrip,
    Metaspace: readSpaces,
  }),
);

/** @throws TpaError `TOKENIZER_INVALID` */
export function readDecoders(value: unknown): Decoder[] {
  // The reference writes tokens one by one where nothing says how to join them.
  if (value === null || value === undefined) return [{ growth: 1, decode: separate }];
  return readSteps('decoder', value, 'decoders', READERS);
}

function separate(tokens: readonly string[], before: string | undefined): string[] {
  return tokens.map((token, i) => (i === 0 && before === undefined ? token : ` ${token}`));
}

/** A token of which not all characters are bytes stands for itself. */
function decodeByteLevel(tokens: readonly string[]): string[] {
  const utf8 = new TextEncoder();
  const bytes: number[] = [];
  for (const token of tokens)
    for (const byte of bytesOf(token) ?? utf8.encode(token)) bytes.push(byte);
  return [textOf(bytes)];
}

/** <0xE2> and the like are the bytes of characters. */
function decodeBytes(tokens: readonly string[]): string[] {
  const decoded: string[] = [];
  let bytes: number[] = [];
  for (const token of [...tokens, undefined]) {
    if (token !== undefined && /^<0x[\da-f]{2}>$/i.test(token)) {
      bytes.push(Number.parseInt(token.slice(3, 5), 16));
      continue;
    }
    if (bytes.length > 0) decoded.push(textOf(bytes));
    bytes = [];
    if (token !== undefined) decoded.push(token);
  }
  return decoded;
}

function readReplace(step: JsonObject): Decoder {
  const { growth, replace } = readReplacement(step);
  return { growth, decode: (tokens) => tokens.map(replace) };
}

function readStrip(step: JsonObject): Decoder {
  const content = readCharacter(step, 'content');
  const start = readCount(step, 'start', 2 ** 16);
  const stop = readCount(step, 'stop', 2 ** 16);
  return {
    growth: 1,
    decode: (tokens, before) =>
      tokens.map((token, i) => {
        // Text that continues another one keeps the space that it begins with.
        const most = i === 0 && before !== undefined ? 0 : start;
        let from = 0;
        for (let n = 0; n < most && token.startsWith(content, from); n++) from += content.length;
        let to = token.length;
        for (let n = 0; n < stop && to > from && token.endsWith(content, to); n++) {
          to -= content.length;
        }
        return token.slice(from, Math.max(from, to));
      }),
  };
}

/** A space before each word; where texts are given a prefix, the first token has none, as in the reference. */
function readSpaces(step: JsonObject): Decoder {
  const { space, scheme } = readMetaspace(step);
  return {
    growth: 1,
    decode: (tokens, before) =>
      tokens.map((token, i) => {
        const isFirst = i === 0 && before === undefined && scheme !== 'never';
        return token.replaceAll(space, isFirst ? '' : ' ');
      }),
  };
}
