import { bpeTokenizer, type GgufVocabulary, idsOf } from './tokens.ts';
import type { JsonObject } from '../../files/json.ts';

/** U+2581 stands for a space. */
const SPACE = '\u2581';
/** The longest in use are runs of spaces, 16 to 128. */
const MAX_TOKEN_LENGTH = 256;
/** Twice what 256 K tokens have: with the cap above at most 10^9 characters are compared. */
const MAX_TOTAL_LENGTH = 2 ** 22;

interface Merge {
  readonly left: string;
  readonly right: string;
  /** Of the token it gives: the higher, the earlier. */
  readonly score: number;
}

/**
 * tokenizer.json of a SentencePiece BPE vocabulary, or why there is none. SentencePiece joins the
 * pair whose token has the highest score; merges in the order of the scores do the same.
 *
 * @param hasSpacePrefix whether a space is put before the text
 */
export function sentencePieceTokenizer(
  vocabulary: GgufVocabulary,
  scores: readonly number[],
  hasSpacePrefix: boolean,
): JsonObject | string {
  const { tokens, types } = vocabulary;
  if (scores.length !== tokens.length) return 'it has not one score for each token';
  const total = tokens.reduce((sum, token) => sum + token.length, 0);
  const longest = tokens.reduce((most, token) => Math.max(most, token.length), 0);
  if (longest > MAX_TOKEN_LENGTH || total > MAX_TOTAL_LENGTH) return 'its tokens are too long';
  const ids = idsOf(vocabulary);
  if (!ids) return 'a token is there twice';
  const unknown = types.indexOf('unknown');
  if (unknown < 0) return 'it has no unknown token';
  if (types.filter((type) => type === 'byte').length !== 256) return 'it has not all 256 bytes';
  const toSpace = { type: 'Replace', pattern: { String: SPACE }, content: ' ' };
  const fromSpace = { type: 'Replace', pattern: { String: ' ' }, content: SPACE };
  const prefix = { type: 'Prepend', prepend: SPACE };
  const strip = { type: 'Strip', content: ' ', start: 1, stop: 0 };
  const decoders = [toSpace, { type: 'ByteFallback' }, { type: 'Fuse' }];
  const normalizers = hasSpacePrefix ? [prefix, fromSpace] : [fromSpace];
  const steps = {
    normalizer: { type: 'Sequence', normalizers },
    pre_tokenizer: null,
    post_processor: null,
    decoder: { type: 'Sequence', decoders: hasSpacePrefix ? [...decoders, strip] : decoders },
  };
  const model = { fuse_unk: true, byte_fallback: true, ignore_merges: false };
  const merges = mergesByScore(vocabulary, ids, scores);
  return bpeTokenizer(vocabulary, Object.fromEntries(ids), steps, {
    unk_token: tokens[unknown],
    ...model,
    merges,
  });
}

/**
 * Every way to cut a token in two tokens, best token first; among equals the longer left part
 * first, then the longer right one, then the order of the vocabulary.
 */
function mergesByScore(
  { tokens, types }: GgufVocabulary,
  ids: ReadonlyMap<string, number>,
  scores: readonly number[],
): [string, string][] {
  const merges: Merge[] = [];
  for (const [id, token] of tokens.entries()) {
    if (types[id] !== 'normal' && types[id] !== 'user') continue;
    const cuts: Merge[] = [];
    for (let at = 1; at < token.length; at++) {
      const left = token.slice(0, at);
      const right = token.slice(at);
      if (ids.has(left) && ids.has(right)) cuts.push({ left, right, score: scores[id]! });
    }
    cuts.sort(
      (a, b) => ids.get(a.left)! - ids.get(b.left)! || ids.get(a.right)! - ids.get(b.right)!,
    );
    for (const cut of cuts) merges.push(cut);
  }
  merges.sort(
    (a, b) =>
      b.score - a.score || points(b.left) - points(a.left) || points(b.right) - points(a.right),
  );
  return merges.map(({ left, right }) => [left, right]);
}

/** Characters, a surrogate pair being one. */
function points(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}
