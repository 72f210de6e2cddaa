import { SPLITTINGS } from '../../format/gguf/vocabulary/splittings.ts';
import { TOKEN_TYPES } from '../../format/gguf/vocabulary/tokens.ts';
import { canonicalSteps, type TokenizerEssence } from './tokenizer-essence.ts';
import type { JsonObject } from '../../format/files/json.ts';
import type { GgufPair } from './header-writer.ts';

const TOKENIZER = 'tokenizer.ggml';
const BYTE_PIECE = /^<0x[0-9A-F]{2}>$/;

/**
 * A vocabulary by the keys that llama.cpp reads; undefined for one of neither kind. What comes of
 * them has to be compared: these keys cannot say all that a tokenizer.json can.
 *
 * @param vocabSize rows of the embedding: as many tokens are written
 */
export function vocabularyPairs(
  tokenizer: JsonObject,
  essence: TokenizerEssence,
  vocabSize: number,
): GgufPair[] | undefined {
  const model = Object(tokenizer['model']) as JsonObject;
  const isSentencePiece = model['byte_fallback'] === true;
  const unknown = isSentencePiece ? model['unk_token'] : undefined;
  const { tokens, types } = tokenList(essence, vocabSize, unknown);
  const list: GgufPair[] = [
    [`${TOKENIZER}.tokens`, { type: 'texts', value: tokens }],
    [`${TOKENIZER}.token_type`, { type: 'i32s', value: types }],
  ];
  if (isSentencePiece) {
    const hasPrefix = canonicalSteps(tokenizer['normalizer']).includes('"Prepend"');
    return [
      [`${TOKENIZER}.model`, { type: 'text', value: 'llama' }],
      [`${TOKENIZER}.pre`, { type: 'text', value: 'default' }],
      ...list,
      [`${TOKENIZER}.scores`, { type: 'f32s', value: scoresOf(tokens, essence) }],
      [`${TOKENIZER}.add_space_prefix`, { type: 'bool', value: hasPrefix }],
    ];
  }
  const pre = splittingOf(tokenizer);
  if (pre === undefined) return undefined;
  return [
    [`${TOKENIZER}.model`, { type: 'text', value: 'gpt2' }],
    [`${TOKENIZER}.pre`, { type: 'text', value: pre }],
    ...list,
    [`${TOKENIZER}.merges`, { type: 'texts', value: essence.merges }],
  ];
}

/** A text and a type for each row of the embedding; rows without a token get one that is unused. */
function tokenList({ ids, added }: TokenizerEssence, vocabSize: number, unknown: unknown) {
  const tokens: string[] = Array.from({ length: vocabSize }, (_, id) => `[PAD${id}]`);
  const types: number[] = Array.from({ length: vocabSize }, () => numberOf('unused'));
  for (const [token, id] of ids) {
    if (!(id < vocabSize)) continue;
    tokens[id] = token;
    const isByte = unknown !== undefined && BYTE_PIECE.test(token);
    types[id] = numberOf(isByte ? 'byte' : 'normal');
  }
  for (const { id, content, isSpecial } of added) {
    if (!(id < vocabSize)) continue;
    types[id] = numberOf(content === unknown ? 'unknown' : isSpecial ? 'control' : 'user');
  }
  return { tokens, types };
}

/** SentencePiece joins the pair whose token has the highest score: the first that is merged. */
function scoresOf(tokens: readonly string[], { merges }: TokenizerEssence): number[] {
  const scores = new Map<string, number>();
  for (const [rank, merge] of merges.entries()) {
    const token = merge.replace(' ', '');
    if (!scores.has(token)) scores.set(token, -rank);
  }
  return tokens.map((token) => scores.get(token) ?? 0);
}

/** `tokenizer.ggml.pre` of the known way to split text that this is. */
function splittingOf(tokenizer: JsonObject): string | undefined {
  const normalizer = canonicalSteps(tokenizer['normalizer']);
  const cuts = canonicalSteps(tokenizer['pre_tokenizer']);
  const ignoresMerges = (Object(tokenizer['model']) as JsonObject)['ignore_merges'] === true;
  for (const [pre, known] of SPLITTINGS) {
    if (known.ignoresMerges !== ignoresMerges) continue;
    if (canonicalSteps(known.preTokenizer) !== cuts) continue;
    if (canonicalSteps(known.normalizer) === normalizer) return pre;
  }
  return undefined;
}

function numberOf(type: (typeof TOKEN_TYPES)[number]): number {
  return TOKEN_TYPES.indexOf(type);
}
