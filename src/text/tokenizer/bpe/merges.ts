import { asArray, invalid, type JsonObject } from '../fields.ts';
import type { Joints } from './joints.ts';
import { PairTable } from './pair-table.ts';
import type { Vocabulary } from './vocabulary.ts';

/** Three times what the largest published vocabulary has. */
const MAX_MERGES = 2 ** 21;

/**
 * Reads the merges, the earlier the lower their rank, and notes the characters that they join.
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
  const merges = asArray('model.merges', model['merges']);
  if (merges.length > MAX_MERGES) {
    throw invalid(`"model.merges" expected at most ${MAX_MERGES}, found ${merges.length}`);
  }
  const pairs = new PairTable(merges.length);
  const { ids } = vocabulary;
  for (let rank = 0; rank < merges.length; rank++) {
    const [leftName, rightName] = pairOf(merges[rank], rank);
    const left = ids.get(leftName);
    const right = ids.get(rightName);
    const id = ids.get(leftName + rightName);
    if (left === undefined || right === undefined || id === undefined) {
      throw invalid(`merge ${rank} expected tokens of the vocabulary, and one that it makes`);
    }
    pairs.set(rank, left, right, id);
    produced[id] = 1;
    const end = vocabulary.character(lastCode(leftName));
    const start = vocabulary.character(rightName.codePointAt(0)!);
    joints.add(end, start);
    const isEnd = atoms.has(left);
    const isStart = atoms.has(right);
    if (isEnd) joints.add(left, start);
    if (isStart) joints.add(end, right);
    if (isEnd && isStart) joints.add(left, right);
  }
  return pairs;
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

function lastCode(name: string): number {
  const unit = name.charCodeAt(name.length - 1);
  const isLow = unit >= 0xdc00 && unit < 0xe000 && name.length > 1;
  return isLow ? name.codePointAt(name.length - 2)! : unit;
}
