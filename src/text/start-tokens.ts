import { invalid, type JsonObject } from './tokenizer/fields.ts';

/** Published files put one token before a text. */
const MAX_START_IDS = 16;
/** Post-processors that put tokens before a text. */
const PUTTING = new Set<unknown>(['TemplateProcessing', 'RobertaProcessing', 'BertProcessing']);

/** What the files beside a tokenizer.json say of BOS. */
export interface Start {
  readonly id: number;
  /** Whether texts begin with it. */
  readonly isAdded: boolean;
}

/**
 * Ids that stand before every text: the special tokens with which the `single` template of a
 * tokenizer.json's TemplateProcessing begins, or `cls` of a RobertaProcessing or BertProcessing,
 * alone or in a Sequence, with or without BOS where another file says so. Other post-processors put
 * none.
 *
 * @param nameOf text of an id, undefined for one that the file does not have
 * @throws TpaError `TOKENIZER_INVALID` for a token that the file does not have
 */
export function readStartIds(
  postProcessor: unknown,
  nameOf: (id: number) => string | undefined,
  start?: Start,
): readonly number[] {
  const ids = idsBefore(postProcessor);
  if (start?.isAdded && !ids.includes(start.id)) ids.unshift(start.id);
  if (ids.length > MAX_START_IDS || ids.some((id) => nameOf(id as number) === undefined)) {
    throw invalid(
      `"post_processor" expected up to ${MAX_START_IDS} tokens of the file, found others`,
    );
  }
  return (ids as number[]).filter((id) => start?.isAdded !== false || id !== start.id);
}

/** The ids, not checked yet; undefined for a token without any. */
function idsBefore(postProcessor: unknown): unknown[] {
  const steps = [fieldsOf(postProcessor)['processors'] ?? postProcessor].flat().map(fieldsOf);
  const step = steps.find(({ type }) => PUTTING.has(type));
  if (step === undefined) return [];
  const { type, cls, single, special_tokens } = step;
  if (type !== 'TemplateProcessing') return [fieldsOf(cls)[1]];
  const pieces = [single ?? []].flat().map((piece) => fieldsOf(piece)['SpecialToken']);
  const text = pieces.indexOf(undefined);
  const tokens = new Map(Object.entries(fieldsOf(special_tokens)));
  return pieces.slice(0, text < 0 ? undefined : text).flatMap((token) => {
    const { ids } = fieldsOf(tokens.get(String(fieldsOf(token)['id'])));
    return Array.isArray(ids) ? (ids as unknown[]) : [undefined];
  });
}

function fieldsOf(value: unknown): JsonObject {
  return Object(value) as JsonObject;
}
