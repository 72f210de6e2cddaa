import { inChunks, type Sequence } from '../../../src/backend/backend.ts';

/** Evaluates all of `ids`, however few are taken at once. @returns the last row of logits, or all */
export async function evaluate(
  sequence: Pick<Sequence, 'length' | 'forward'>,
  ids: readonly number[],
  rows: 'last' | 'all' = 'last',
): Promise<Float32Array> {
  const parts: Float32Array[] = [];
  await inChunks(sequence, ids, async (rest) => {
    parts.push(await sequence.forward(rest, rows));
  });
  return rows === 'last' ? parts.at(-1)! : Float32Array.from(parts.flatMap((part) => [...part]));
}
