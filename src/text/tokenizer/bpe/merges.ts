import type { TextTable } from '../../../base/text-table.ts';
import { asArray, invalid, type JsonObject } from '../fields.ts';
import type { Joints } from './joints.ts';
import { MERGE_IDS, PairTable } from './pair-table.ts';
import type { Vocabulary } from './vocabulary.ts';

/** Three times what the largest published vocabulary has. */
const MAX_MERGES = 2 ** 21;

/**
 * Reads `model.merges`, texts or the ids that were made of them as they were read: the earlier, the
 * lower their rank. Notes the characters that they join.
 *
 * @param atoms tokens that stand for a part of a character, or for any: not joined by their texts
 * @param produced where the ids of what is merged are marked
 * @throws TpaError `TOKENIZER_INVALID`
 */
export function readMerges(
  model: JsonObject,
  vocabulary: Vocabulary,
  atoms: ReadonlySet<number>,
  joints: Joints,
  produced: Uint8Array,
): PairTable {
  const { merges } = model;
  const ids = merges instanceof Int32Array ? merges : idsOf(merges, vocabulary);
  const pairs = new PairTable(ids);
  const { ids: table } = vocabulary;
  for (let rank = 0; rank < ids.length / MERGE_IDS; rank++) {
    const left = ids[MERGE_IDS * rank]!;
    const right = ids[MERGE_IDS * rank + 1]!;
    pairs.add(rank);
    produced[pairs.idOf(rank)] = 1;
    const end = vocabulary.character(lastCode(table, left));
    const start = vocabulary.character(firstCode(table, right));
    joints.add(end, start);
    const isEnd = atoms.has(left);
    const isStart = atoms.has(right);
    if (isEnd) joints.add(left, start);
    if (isStart) joints.add(end, right);
    if (isEnd && isStart) joints.add(left, right);
  }
  return pairs;
}

/** The left id, the right id and the new id of each merge. */
function idsOf(value: unknown, { ids }: Vocabulary): Int32Array {
  const merges = asArray('model.merges', value);
  if (merges.length > MAX_MERGES) {
    throw invalid(`"model.merges" expected at most ${MAX_MERGES}, found ${merges.length}`);
  }
  const all = new Int32Array(MERGE_IDS * merges.length);
  for (let rank = 0; rank < merges.length; rank++) {
    const [leftName, rightName] = pairOf(merges[rank], rank);
    const left = ids.get(leftName);
    const right = ids.get(rightName);
    const id = ids.get(leftName + rightName);
    if (left === undefined || right === undefined || id === undefined) {
      throw invalid(`merge ${rank} expected tokens of the vocabulary, and one that it makes`);
    }
    all.set([left, right, id], MERGE_IDS * rank);
  }
  return all;
}

/** A pair of texts; older files write it as one with a space between. */
function pairOf(merge: unknown, rank: number): readonly [string, string] {
  const pair: unknown = typeof merge === 'string' ? merge.split(' ', 3) : merge;
  if (Array.isArray(pair) && pair.length === 2 && isText(pair[0]) && isText(pair[1])) {
    return pair as [string, string];
  }
  throw invalid(`merge ${rank} is not a pair of tokens`);
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

function firstCode(table: TextTable, id: number): number {
  const unit = table.unitOf(id, 0);
  return table.lengthOf(id) > 1 ? codeOf(unit, table.unitOf(id, 1)) : unit;
}

function lastCode(table: TextTable, id: number): number {
  const unit = table.unitOf(id, -1);
  const code = table.lengthOf(id) > 1 ? codeOf(table.unitOf(id, -2), unit) : unit;
  return code > 0xffff ? code : unit;
}

/** The character of two halves; the first unit where they are none. */
function codeOf(high: number, low: number): number {
  const isPair = high >= 0xd800 && high < 0xdc00 && low >= 0xdc00 && low < 0xe000;
  return isPair ? 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00) : high;
}
