import { TpaError } from '../base/errors.ts';
import { readStartIds } from './start-tokens.ts';

/** A checked tokenizer.json. */
export interface TokenizerFile {
  /** What the tokenizer library is given. */
  readonly json: Readonly<Record<string, unknown>>;
  readonly ids: ReadonlySet<number>;
  readonly specialIds: ReadonlySet<number>;
  /** Ids of the special tokens by their text. */
  readonly specialTokens: ReadonlyMap<string, number>;
  /** Ids that the file puts before every text: BOS of LLaMA, none of GPT-2. */
  readonly startIds: readonly number[];
  /** The highest id + 1. */
  readonly vocabSize: number;
}

/** Four times the largest published vocabulary (262,144). The library makes an array up to the highest id. */
const MAX_VOCAB_SIZE = 1 << 20;

/** Published split patterns have up to about 500 characters; the library compiles any length. */
const MAX_PATTERN_LENGTH = 1024;

/** Published files nest 4 deep (sequence, step, pattern, text). */
const MAX_DEPTH = 16;

type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Checks what the library trusts: ids, merges, added tokens and patterns.
 *
 * @throws TpaError `TOKENIZER_INVALID`
 */
export function readTokenizerFile(json: unknown, vocabLimit = MAX_VOCAB_SIZE): TokenizerFile {
  const root = asObject('the file', json);
  const model = asObject('model', root['model']);
  if (model['type'] !== 'BPE') throw invalid('"model.type" expected "BPE"');
  const limit = Math.min(vocabLimit, MAX_VOCAB_SIZE);
  const names = new Map<number, string>();
  const vocab = asObject('model.vocab', model['vocab']);
  for (const [name, id] of Object.entries(vocab)) addId(names, id, name, limit);
  const merges = mergesOf(model);
  checkMerges(merges, model, vocab);
  checkCoverage(model, vocab);

  const specialTokens = new Map<string, number>();
  const added = addedTokens(root);
  for (const token of added) {
    const id = addId(names, token['id'], token['content'], limit);
    if (token['special'] === true) specialTokens.set(token['content'] as string, id);
  }
  if (names.size === 0) throw invalid('"model.vocab" expected at least one token');
  for (const stage of ['normalizer', 'pre_tokenizer', 'decoder']) checkPatterns(stage, root[stage]);

  let vocabSize = 0;
  for (const id of names.keys()) vocabSize = Math.max(vocabSize, id + 1);
  return {
    // A post-processor adds tokens around the text; this project joins ids itself.
    json: {
      normalizer: null,
      pre_tokenizer: null,
      decoder: null,
      ...root,
      added_tokens: added,
      post_processor: null,
      model: { ...model, merges }, // the library reads the first merge and takes all to look alike
    },
    ids: new Set(names.keys()),
    startIds: readStartIds(root['post_processor'], names),
    specialIds: new Set(specialTokens.values()),
    specialTokens,
    vocabSize,
  };
}

/**
 * The same file with no way to arrive at a special token, neither as an added token nor as an entry
 * of the vocabulary nor by a merge; for text that must stay text.
 */
export function withoutSpecial(file: TokenizerFile): TokenizerFile {
  const model = file.json['model'] as JsonObject;
  const added = addedTokens(file.json);
  const special = new Set(added.filter((t) => t['special'] === true).map((t) => t['content']));
  special.delete(model['unk_token']); // what the library puts for unknown text
  const vocab = Object.entries(model['vocab'] as JsonObject).filter(([name]) => !special.has(name));
  const merges = mergesOf(model).filter((merge) => !special.has(merge.join('')));
  return {
    ...file,
    json: {
      ...file.json,
      added_tokens: added.filter((token) => token['special'] !== true),
      model: { ...model, vocab: Object.fromEntries(vocab), merges },
    },
  };
}

function addId(names: Map<number, string>, id: unknown, name: unknown, limit: number): number {
  if (typeof name !== 'string' || name === '') throw invalid('a token has no text');
  if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id >= limit) {
    const found = typeof id === 'number' ? String(id) : typeof id;
    throw invalid(`a token id is ${found}, not an integer in 0..${limit - 1}`);
  }
  const other = names.get(id);
  if (other !== undefined && other !== name) throw invalid(`two tokens have the id ${id}`);
  names.set(id, name);
  return id;
}

function addedTokens(root: JsonObject): JsonObject[] {
  const added = root['added_tokens'] ?? [];
  if (!Array.isArray(added)) throw invalid('"added_tokens" expected an array');
  return added.map((token) => asObject('added_tokens', token));
}

function checkMerges(merges: string[][], model: JsonObject, vocab: JsonObject): void {
  // A merge into nothing would silently lose text. Prefixed pieces are joined differently.
  if (model['continuing_subword_prefix'] || model['end_of_word_suffix']) {
    throw invalid('"model" expected neither a subword prefix nor a word suffix');
  }
  for (const [i, merge] of merges.entries()) {
    if (!Object.hasOwn(vocab, merge.join(''))) {
      throw invalid(`merge ${i} makes no token of the vocabulary`);
    }
  }
}

/** The library silently drops a byte that has no token, unless there is an unknown token. */
function checkCoverage(model: JsonObject, vocab: JsonObject): void {
  if (typeof model['unk_token'] === 'string' || model['byte_fallback'] === true) return;
  // The byte-level alphabet: visible Latin-1 stands for itself, the rest for U+0100 and up.
  let shifted = 0x100;
  for (let byte = 0; byte < 256; byte++) {
    const isVisible = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
    const character = String.fromCharCode(isVisible ? byte : shifted++);
    if (!Object.hasOwn(vocab, character)) {
      throw invalid(`"model.vocab" expected a token for byte ${byte}, or an unknown token`);
    }
  }
}

/** The merges as pairs; older files write a pair as one string with a space. */
function mergesOf(model: JsonObject): string[][] {
  const merges = model['merges'];
  if (!Array.isArray(merges)) throw invalid('"model.merges" expected an array');
  return merges.map((merge: unknown, i) => {
    const pair: unknown = typeof merge === 'string' ? merge.split(' ') : merge;
    const isPair = Array.isArray(pair) && pair.length === 2;
    if (!isPair || !pair.every((part) => typeof part === 'string' && part !== '')) {
      throw invalid(`merge ${i} is not a pair of tokens`);
    }
    return pair;
  });
}

/**
 * What a pattern may not hold: a repeated group or a back-reference, without which backtracking is
 * not exponential ((a+)+$ took 30 s on 28 characters). No published split pattern has one; groups
 * with ? pass.
 */
const EXPONENTIAL = /\)(?:[+*]|\{\d)|\\[1-9]|\\k</;
/** Escapes but back-references, and classes: their brackets and stars mean themselves. */
const LITERALS = /\\[^1-9k]|\[(?:\\.|[^\\\]])*\]/g;
/** Repetitions in one alternative, which bound the degree of its time: published patterns have 2. */
const MAX_REPETITIONS = 2;
/** How often all replacements together may multiply a text: published ones (" " to "▁") by 1. */
const MAX_EXPANSION = 64;

/** Checks the steps of a stage, however they nest. */
function checkPatterns(stage: string, value: unknown): void {
  let expansion = 1;
  visit(value, 0);
  if (expansion > MAX_EXPANSION) {
    throw invalid(`"${stage}" expected replacements of at most ${MAX_EXPANSION} characters`);
  }

  function visit(step: unknown, depth: number): void {
    if (typeof step !== 'object' || step === null) return;
    if (depth > MAX_DEPTH) throw invalid(`"${stage}" expected at most ${MAX_DEPTH} levels`);
    const { type, pattern, content } = step as JsonObject;
    const needsPattern = type === 'Replace' || type === 'Split';
    if (pattern !== undefined || needsPattern) checkPattern(stage, pattern);
    if (type === 'Replace') {
      if (typeof content !== 'string') throw invalid(`"${stage}.content" expected a string`);
      expansion *= Math.max(1, content.length);
    }
    // Messages name the stage alone: a path of array indices and keys may be 100,000 steps long.
    for (const child of Object.values(step)) visit(child, depth + 1);
  }
}

function checkPattern(stage: string, pattern: unknown): void {
  const { Regex, String: literal } = asObject(`${stage}.pattern`, pattern);
  const source = Regex ?? literal;
  if (typeof source !== 'string') throw invalid(`"${stage}.pattern" expected "Regex" or "String"`);
  if (source.length === 0 || source.length > MAX_PATTERN_LENGTH) {
    const found = `found ${source.length}`;
    throw invalid(`"${stage}.pattern" expected 1..${MAX_PATTERN_LENGTH} characters, ${found}`);
  }
  if (Regex === undefined) return;
  const skeleton = source.replaceAll(LITERALS, '');
  if (EXPONENTIAL.test(skeleton)) {
    throw invalid(`"${stage}.pattern" expected no repeated group and no back-reference`);
  }
  const repetitions = skeleton.split('|').map((part) => part.match(/[+*]|\{\d/g)?.length ?? 0);
  if (Math.max(...repetitions) > MAX_REPETITIONS) {
    throw invalid(
      `"${stage}.pattern" expected at most ${MAX_REPETITIONS} repetitions in an alternative`,
    );
  }
}

function asObject(name: string, value: unknown): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(`"${name}" expected an object`);
  }
  return value as JsonObject;
}

function invalid(message: string): TpaError {
  return new TpaError('TOKENIZER_INVALID', `tokenizer.json: ${message}`);
}
