import { ALPHABET } from '../../src/text/tokenizer/byte-level.ts';
import { randomValues } from '../random.ts';

/** GPT-2's tokens have 6 characters on average, and few have more. */
const MAX_LENGTH = 12;
const LETTERS = 'etaoinshrdlucmfwypvbgkjqxz';
/** What stands for a space. */
const SPACE = '\u0120';
const SPECIAL = '<|endoftext|>';

/**
 * The tokenizer.json of a byte-level encoding as large as GPT-2's: bytes, merges of letters, some of them
 * behind a space, and one special token.
 *
 * @param entries tokens that it has
 */
export function largeTokenizer(entries: number): string {
  const parts = [SPACE, ...LETTERS];
  const known = new Set(parts);
  const merges: string[] = [];
  const random = drawer();
  while (merges.length < entries - ALPHABET.length - 1) {
    // the earlier, the shorter and the more often it is part of others
    const [left, right] = [parts[random(parts.length)]!, parts[1 + random(parts.length - 1)]!];
    const merged = left + right;
    if (merged.length > MAX_LENGTH || right.startsWith(SPACE) || known.has(merged)) continue;
    known.add(merged);
    parts.push(merged);
    merges.push(`${left} ${right}`);
  }
  const texts = [...ALPHABET, ...merges.map((merge) => merge.replace(' ', '')), SPECIAL];
  const steps = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  const json = {
    version: '1.0',
    added_tokens: [{ id: entries - 1, content: SPECIAL, special: true, ...flags }],
    normalizer: null,
    pre_tokenizer: steps,
    post_processor: null,
    decoder: steps,
    model: {
      type: 'BPE',
      vocab: Object.fromEntries(texts.map((text, id) => [text, id])),
      merges,
    },
  };
  return JSON.stringify(json, undefined, 2);
}

/** Gives integers below a bound, low ones more often, and the same ones each time. */
function drawer(): (below: number) => number {
  let values = new Float32Array();
  let at = 0;
  let seed = 0;
  return (below) => {
    if (at === values.length) {
      values = randomValues(2 ** 16, ++seed);
      at = 0;
    }
    return Math.floor(values[at++]! ** 2 * below);
  };
}
