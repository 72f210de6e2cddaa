import { printable } from '../../../base/printable.ts';
import { invalid, type JsonObject, readFlag } from '../fields.ts';
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
  /** Ids of characters and of what is merged. */
  readonly produced: ReadonlySet<number>;
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
  const produced = new Set<number>();
  for (const [name, id] of ids) if (name.length <= 2 && [...name].length === 1) produced.add(id);
  const joints = new Joints();
  const pairs = readMerges(model, vocabulary, atoms, joints, produced);
  const ignoresMerges = readFlag(model, 'ignore_merges', false);
  for (const [name, id] of ids) {
    if (id < limit) continue;
    if (ignoresMerges || produced.has(id) || atoms.has(id)) throw idOutOfRange(id, limit);
    ids.delete(name);
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
    produced: ignoresMerges ? new Set(ids.values()) : produced,
  };
}

function checkKind(model: JsonObject): void {
  const { type } = model;
  if (type !== 'BPE') {
    const found = typeof type === 'string' ? `"${printable(type, 40)}"` : typeof type;
    throw invalid(`"model.type" expected "BPE", the one kind that is read, found ${found}`);
  }
  if (model['dropout']) throw invalid('"model.dropout" expected 0 or null: ids would be random');
  if (model['continuing_subword_prefix'] || model['end_of_word_suffix']) {
    throw invalid('"model" expected neither a subword prefix nor a word suffix');
  }
}
