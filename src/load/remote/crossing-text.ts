import { type TableParts, TextTable } from '../../base/text-table.ts';
import type { JsonObject } from '../../format/files/json.ts';
import type { ModelTextParts } from '../read-text.ts';
import { Moved } from './channel.ts';

/** What a model's files say about text as it crosses: the vocabulary apart, in its arrays. */
export interface CrossingText {
  readonly parts: ModelTextParts;
  readonly vocab: TableParts | undefined;
}

/**
 * The same text, to be sent away. The arrays of vocabulary and merges, 15 MB of a large model, are not
 * copied, and are gone here.
 */
export function packText(parts: ModelTextParts): Moved<CrossingText> {
  const { tokenizer } = parts;
  const { vocab, merges, ...rest } = Object(tokenizer?.['model']) as Record<string, unknown>;
  if (tokenizer === undefined || !(vocab instanceof TextTable)) {
    return new Moved({ parts, vocab: undefined }, []);
  }
  const model: JsonObject = { ...rest, merges };
  const table = vocab.toParts();
  const transfer = table.arrays.map(({ buffer }) => buffer);
  if (merges instanceof Int32Array) transfer.push(merges.buffer as ArrayBuffer);
  return new Moved(
    { parts: { ...parts, tokenizer: { ...tokenizer, model } }, vocab: table },
    transfer,
  );
}

/** What has crossed, as the files' reader gave it. */
export function unpackText({ parts, vocab }: CrossingText): ModelTextParts {
  const { tokenizer } = parts;
  if (tokenizer === undefined || vocab === undefined) return parts;
  const model = { ...Object(tokenizer['model']), vocab: TextTable.fromParts(vocab) };
  return { ...parts, tokenizer: { ...tokenizer, model } };
}
