import { TpaError } from '../base/errors.ts';

/** Published files put one token before a text. */
const MAX_START_IDS = 16;

/**
 * Ids that a tokenizer.json puts before every text: the special tokens with which the `single`
 * template of its TemplateProcessing begins, alone or in a Sequence. Other post-processors put none.
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
  const template = steps.map(fieldsOf).find((step) => step['type'] === 'TemplateProcessing');
  if (template === undefined) return [];
  const single: readonly unknown[] = Array.isArray(template['single']) ? template['single'] : [];
  const tokens = fieldsOf(template['special_tokens']);
  const ids: number[] = [];
  for (const piece of single) {
    const name = fieldsOf(fieldsOf(piece)['SpecialToken'])['id'];
    if (typeof name !== 'string') return ids; // the text itself
    const found: unknown = fieldsOf(Object.hasOwn(tokens, name) ? tokens[name] : undefined)['ids'];
    if (!Array.isArray(found) || !found.every((id) => names.has(id))) {
      const message = 'tokenizer.json: "post_processor" expected tokens of the file, found others';
      throw new TpaError('TOKENIZER_INVALID', message);
    }
    ids.push(...(found as number[]));
    if (ids.length > MAX_START_IDS) {
      const message = `tokenizer.json: "post_processor" expected at most ${MAX_START_IDS} tokens before a text, found more`;
      throw new TpaError('TOKENIZER_INVALID', message);
    }
  }
  return ids;
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return Object(value) as Record<string, unknown>;
}
