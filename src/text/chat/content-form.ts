import type { CheckedConversation } from '../messages.ts';
import type { TemplateValue } from './template-values.ts';

/** What a template takes the content of messages for; `any` where it takes both, or cannot be asked. */
export type ContentForm = 'text' | 'parts' | 'any';

type Message = CheckedConversation['messages'][number];

/** Without naming the field no template reads the text of a part. */
const READS_PARTS = /\.\s*text\b|['"]text['"]/;
const PROBE = '\uF8FF';
/** How a part is printed, or written as JSON. */
const AS_LIST = /(['"])text\1: ?['"]\uF8FF/;

/**
 * Asks a template what content is by two messages of one character, once as text and once as a part.
 * It takes what it writes; a part that is written as a list is not taken.
 *
 * @param write what it makes of a message; undefined where it refuses
 */
export function contentFormOf(
  source: string,
  write: (message: Message) => string | undefined,
): ContentForm {
  if (!READS_PARTS.test(source)) return 'text';
  const ofText = write({ role: 'user', content: PROBE });
  const ofParts = write({ role: 'user', content: [{ type: 'text', text: PROBE }] });
  const takesParts = ofParts?.includes(PROBE) === true && !AS_LIST.test(ofParts);
  if (ofText?.includes(PROBE)) return takesParts ? 'any' : 'text';
  return takesParts ? 'parts' : 'any';
}

/** Messages with their content in the form that a template takes; it may do what it likes with other parts. */
export function inForm(messages: readonly Message[], form: ContentForm): readonly Message[] {
  if (form === 'any') return messages;
  return messages.map((message) => {
    const { content } = message;
    if (form === 'parts' && typeof content === 'string') {
      return { ...message, content: [{ type: 'text', text: content }] };
    }
    if (form === 'text' && Array.isArray(content)) {
      const texts = content.map(textOf);
      if (!texts.includes(undefined)) return { ...message, content: texts.join('\n') };
    }
    return message;
  });
}

function textOf(part: TemplateValue): string | undefined {
  const { type, text } = Object(part) as Record<string, unknown>;
  return type === 'text' && typeof text === 'string' ? text : undefined;
}
