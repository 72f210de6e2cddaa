import type { JsonObject } from '../files/json.ts';

/** A special token as a post-processor writes it. */
interface StartToken {
  readonly content: string;
  readonly id: number;
}

/**
 * The post-processor of a tokenizer.json with BOS before every text, or without it; what else it
 * puts there stays.
 */
export function withStart(
  processor: unknown,
  { content, id }: StartToken,
  isAdded: boolean,
): unknown {
  const bos = { SpecialToken: { id: content, type_id: 0 } };
  const { type, processors } = Object(processor) as JsonObject;
  const isSequence = type === 'Sequence' && Array.isArray(processors);
  const steps: readonly unknown[] = isSequence ? processors : processor ? [processor] : [];
  const hasTemplate = steps.some(isTemplate);
  if (!hasTemplate && !isAdded) return processor;
  const template = { type: 'TemplateProcessing', single: [{ Sequence: { id: 'A', type_id: 0 } }] };
  const changed = (hasTemplate ? steps : [...steps, template]).map((step) => {
    if (!isTemplate(step)) return step;
    const pieces: readonly unknown[] = Array.isArray(step['single']) ? step['single'] : [];
    const text = pieces.findIndex((piece) => nameIn(piece) === undefined);
    const head = pieces.slice(0, text).map(nameIn);
    if (isAdded && head.includes(content)) return step;
    const single = isAdded ? [bos, ...pieces] : pieces.filter((_, i) => head[i] !== content);
    const token = { id: content, ids: [id], tokens: [content] };
    const tokens = { ...(step['special_tokens'] as object | undefined), [content]: token };
    return { ...step, single, special_tokens: tokens };
  });
  return changed.length === 1 ? changed[0] : { type: 'Sequence', processors: changed };
}

function isTemplate(step: unknown): step is JsonObject {
  return (Object(step) as JsonObject)['type'] === 'TemplateProcessing';
}

/** The special token that a piece of a template is, if it is one. */
function nameIn(piece: unknown): unknown {
  const { SpecialToken } = Object(piece) as JsonObject;
  return (Object(SpecialToken) as JsonObject)['id'];
}
