import type { TextTable } from '../../../base/text-table.ts';
import { invalid, type JsonObject, readFlag, unexpected } from '../fields.ts';
import { Joints } from './joints.ts';
import { readMerges } from './merges.ts';
import type { PairTable } from './pair-table.ts';
import { idOutOfRange, readVocabulary, type Vocabulary } from './vocabulary.ts';

/** A byte-pair encoding: its tokens, and what becomes of characters and pairs. */
export interface Bpe {
  readonly vocabulary: Vocabulary;
  /** What stands for each byte of a character without a token; -1 where nothing does. */
  readonly bytes: readonly number[] | undefined;
  /** What stands for a character without a token. */
  readonly unknown: number | undefined;
  /** Whether one unknown token stands for several such characters. */
  readonly fusesUnknown: boolean;
  /** Whether a word that is a token is taken as it is. */
  readonly ignoresMerges: boolean;
  readonly pairs: PairTable;
  readonly joints: Joints;
  /** Whether text may become an id, by its characters, merges or words. */
  readonly produces: (id: number) => boolean;
}

/**
 * Reads the model of a tokenizer.json.
 *
 * @param limit rows of the embedding; a token from there on is left out if no text becomes it
 * @throws TpaError `TOKENIZER_INVALID`
 */
export function readBpe(model: JsonObject, limit: number): Bpe {
  checkKind(model);
  const vocabulary = readVocabulary(model);
  const { ids } = vocabulary;
  const bytes = readFlag(model, 'byte_fallback', false) ? vocabulary.bytes() : undefined;
  const { unk_token } = model;
  const unknown = typeof unk_token === 'string' ? ids.get(unk_token) : undefined;
  if (bytes?.includes(-1) === true && unknown === undefined) {
    throw invalid('"model.vocab" expected tokens for all bytes, or an unknown token');
  }
  const atoms = new Set(bytes);
  if (unknown !== undefined) atoms.add(unknown);
  // Marks what comes of a character or a merge.
  const produced = new Uint8Array(ids.limit);
  for (let id = 0; id < ids.limit; id++) if (isCharacter(ids, id)) produced[id] = 1;
  const joints = new Joints();
  const pairs = readMerges(model, vocabulary, atoms, joints, produced);
  const ignoresMerges = readFlag(model, 'ignore_merges', false);
  const produces = (id: number): boolean => ignoresMerges || produced[id] === 1;
  for (let id = limit; id < ids.limit; id++) {
    if (ids.lengthOf(id) === 0) continue;
    if (produces(id) || atoms.has(id)) throw idOutOfRange(id, limit);
    ids.delete(id);
  }
  const fusesUnknown = readFlag(model, 'fuse_unk', false);
  return {
    vocabulary,
    bytes,
    unknown,
    fusesUnknown,
    ignoresMerges,
    pairs,
    joints,
    produces,
  };
}

/** Whether the text of a token is one character. */
function isCharacter(ids: TextTable, id: number): boolean {
  const length = ids.lengthOf(id);
  return length === 1 || (length === 2 && ids.textOf(id)!.codePointAt(0)! > 0xffff);
}

function checkKind(model: JsonObject): void {
  // Older files do not say the type.
  const { type = 'BPE', dropout } = model;
  if (type !== 'BPE') throw unexpected('model.type', '"BPE", the one kind that is read', type);
  if (dropout) throw unexpected('model.dropout', '0 or null, since ids would be random', dropout);
  if (model['continuing_subword_prefix'] || model['end_of_word_suffix']) {
    throw invalid('"model" expected neither a subword prefix nor a word suffix');
  }
}
