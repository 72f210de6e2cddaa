import { TpaError } from '../base/errors.ts';

type JsonObject = Readonly<Record<string, unknown>>;

/** Published files put one token before a text. */
const MAX_START_IDS = 16;

/**
 * Ids that a tokenizer.json puts before every text: the special tokens with which the `single`
 * template of its TemplateProcessing begins, or `cls` of a RobertaProcessing or BertProcessing, alone
 * or in a Sequence. Other post-processors put none.
 *
 * @param names text of each id
 * @throws TpaError `TOKENIZER_INVALID` where the template names a token that the file does not have
 */
export function readStartIds(
  postProcessor: unknown,
  names: ReadonlyMap<number, string>,
): readonly number[] {
  const { type, processors } = fieldsOf(postProcessor);
  const steps = type === 'Sequence' && Array.isArray(processors) ? processors : [postProcessor];
  const ids: number[] = [];
  for (const found of steps
    .map(fieldsOf)
    .map(startOf)
    .find((start) => start !== undefined) ?? []) {
    if (!Array.isArray(found) || !found.every((id) => names.has(id))) {
      throw invalid('tokens of the file, found others');
    }
    for (const id of found.slice(0, MAX_START_IDS + 1)) ids.push(id as number);
    if (ids.length > MAX_START_IDS) {
      throw invalid(`at most ${MAX_START_IDS} tokens before a text, found more`);
    }
  }
  return ids;
}

/** The ids of each piece that a step puts before the text; undefined of one that puts none. */
function startOf({ type, cls, single, special_tokens }: JsonObject): unknown[] | undefined {
  if (type === 'RobertaProcessing' || type === 'BertProcessing')
    return [[(Object(cls) as JsonObject)[1]]];
  if (type !== 'TemplateProcessing') return undefined;
  const pieces: readonly unknown[] = Array.isArray(single) ? single : [];
  const names = pieces.map((piece) => fieldsOf(fieldsOf(piece)['SpecialToken'])['id']);
  const text = names.findIndex((name) => typeof name !== 'string');
  const tokens = fieldsOf(special_tokens);
  return names
    .slice(0, text < 0 ? names.length : text)
    .map((name) =>
      Object.hasOwn(tokens, name as string) ? fieldsOf(tokens[name as string])['ids'] : undefined,
    );
}

function invalid(rule: string): TpaError {
  return new TpaError('TOKENIZER_INVALID', `tokenizer.json: "post_processor" expected ${rule}`);
}

function fieldsOf(value: unknown): JsonObject {
  return Object(value) as JsonObject;
}
