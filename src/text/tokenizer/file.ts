import { readStartIds, type Start } from '../start-tokens.ts';
import { type AddedToken, readAddedTokens } from './added-tokens.ts';
import { type Bpe, readBpe } from './bpe/bpe.ts';
import { MAX_VOCAB_SIZE } from './bpe/vocabulary.ts';
import { ALPHABET, bytesOf, toByteLevel } from './byte-level.ts';
import { asObject, invalid, type JsonObject } from './fields.ts';
import type { Cut } from './steps/cutter.ts';
import { type Decoder, readDecoders } from './steps/decoders.ts';
import { type Normalizer, readNormalizers } from './steps/normalizers.ts';
import { readPreTokenizers } from './steps/pre-tokenizers.ts';

/** A checked tokenizer.json. */
export interface TokenizerFile {
  readonly bpe: Bpe;
  readonly normalizers: readonly Normalizer[];
  readonly cuts: readonly Cut[];
  readonly decoders: readonly Decoder[];
  /** By their ids. */
  readonly added: ReadonlyMap<number, AddedToken>;
  /** What the decoders take for each id; undefined for one without a token. */
  readonly nameOf: (id: number) => string | undefined;
  /** The highest id + 1. */
  readonly vocabSize: number;
  /** Ids that the file puts before every text: BOS of LLaMA, none of GPT-2. */
  readonly startIds: readonly number[];
}

/** How many times as long all steps may make a text: as NFKC, lower case and bytes do. */
const MAX_GROWTH = 144;
/** The same of decoders: those of published files put one character in the place of another. */
const MAX_DECODED_GROWTH = 16;

/**
 * Reads a tokenizer.json.
 *
 * @throws TpaError `TOKENIZER_INVALID`
 */
export function readTokenizerFile(
  json: unknown,
  limit = MAX_VOCAB_SIZE,
  start?: Start,
): TokenizerFile {
  const root = asObject('the file', json);
  const model = asObject('model', root['model']);
  const bpe = readBpe(model, limit);
  const normalizers = readNormalizers(root['normalizer']);
  const cuts = readPreTokenizers(root['pre_tokenizer']);
  const decoders = readDecoders(root['decoder']);
  checkGrowth([...normalizers, ...cuts, { growth: bpe.bytes === undefined ? 1 : 3 }], MAX_GROWTH);
  checkGrowth(decoders, MAX_DECODED_GROWTH);
  checkStart([...normalizers, ...cuts]);
  checkCoverage(bpe, model, [...normalizers, ...cuts]);
  const { ids } = bpe.vocabulary;
  const names = new Map<number, string>();
  const nameOf = (id: number): string | undefined =>
    names.get(id) ?? (Number.isInteger(id) ? ids.textOf(id) : undefined);
  let vocabSize = Math.min(ids.limit, limit);
  const decodesBytes = decoders.some(({ isByteLevel }) => isByteLevel === true);
  const added = new Map<number, AddedToken>();
  for (const token of readAddedTokens(root, ids).values()) {
    const { id, content } = token;
    if (id >= limit) continue; // the model has no such token
    if (added.has(id) || (ids.lengthOf(id) > 0 && !ids.has(content))) {
      throw invalid(`two tokens have the id ${id}`);
    }
    added.set(id, token);
    // What it is found as: a prefix that a normalizer puts before it is the space of the text.
    const found = token.isNormalized
      ? normalizers.reduce((text, step) => step.normalize(text, 'inner'), content)
      : content;
    // It is text, also where its letters could be bytes.
    const isLetters = decodesBytes && !ids.has(content) && bytesOf(content) !== undefined;
    names.set(id, isLetters ? toByteLevel(found) : found);
    vocabSize = Math.max(vocabSize, id + 1);
  }
  while (vocabSize > 0 && nameOf(vocabSize - 1) === undefined) vocabSize--;
  if (vocabSize === 0) throw invalid('"model.vocab" expected at least one token');
  const startIds = readStartIds(root['post_processor'], nameOf, start);
  return { bpe, normalizers, cuts, decoders, added, nameOf, vocabSize, startIds };
}

function checkGrowth(steps: readonly { readonly growth: number }[], limit: number): void {
  const growth = steps.reduce((product, step) => product * step.growth, 1);
  if (growth > limit) {
    throw invalid(
      `the steps expected to make a text ${limit} times as long at most, found ${growth}`,
    );
  }
}

/** Which piece is the first is not known behind a step that changes where the text begins. */
function checkStart(steps: readonly (Normalizer | Cut)[]): void {
  const moving = steps.findIndex(({ movesStart }) => movesStart === true);
  const needing = steps.findLastIndex((step) => 'needsStart' in step && step.needsStart === true);
  if (moving >= 0 && moving < needing) {
    throw invalid(
      '"Metaspace.prepend_scheme" expected "always" or "never" behind a step that changes where the text begins',
    );
  }
}

/** Refuses a vocabulary that has nothing for some text, which would be lost. */
function checkCoverage(bpe: Bpe, model: JsonObject, steps: readonly (Normalizer | Cut)[]): void {
  const byteLevels = steps.filter(({ isByteLevel }) => isByteLevel === true).length;
  if (byteLevels > 1) throw invalid('the steps expected one of type ByteLevel at most, found more');
  const { ids } = bpe.vocabulary;
  const missing = ALPHABET.findIndex((letter) => !ids.has(letter));
  const isByteVocabulary = missing < 0 && !ids.has(' ') && !ids.has('\u2581');
  if (bpe.bytes !== undefined) return;
  if (byteLevels === 0 && isByteVocabulary) {
    throw invalid('"pre_tokenizer" expected a step of type ByteLevel for a vocabulary of bytes');
  }
  if (typeof model['unk_token'] === 'string') return;
  if (byteLevels === 0) {
    throw invalid('"model" expected an unknown token or byte_fallback for what has no token');
  }
  if (missing >= 0) {
    throw invalid(`"model.vocab" expected a token for byte ${missing}, or an unknown token`);
  }
}
