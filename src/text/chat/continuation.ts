import { TpaError } from '../../base/errors.ts';
import type { TemplateFields, TemplateValue } from './template-values.ts';

/** The message to be continued with a mark at the end of its text, and a blank, which shows trimming. */
export function withEnd(message: TemplateFields, mark: string): TemplateFields {
  const { content } = message;
  const marked = (text: TemplateValue): string => `${String(text)}${mark} `;
  if (!Array.isArray(content)) return { ...message, content: marked(content!) };
  const last = content.at(-1) as TemplateFields;
  return {
    ...message,
    content: [...content.slice(0, -1), { ...last, text: marked(last['text']!) }],
  };
}

/**
 * A text up to its last mark. As in transformers, blanks before it go where the template trims.
 *
 * @throws TpaError `CHAT_TEMPLATE_INVALID` where it has none
 */
export function upTo(mark: string, text: string): string {
  const at = text.lastIndexOf(mark);
  if (at < 0) {
    const message =
      'the chat template does not write the end of the last message, so that nothing can continue it; leave "continueFinalMessage" out';
    throw new TpaError('CHAT_TEMPLATE_INVALID', message);
  }
  const before = text.slice(0, at).replaceAll(mark, '');
  return text[at + 1] === ' ' ? before : before.trimEnd();
}
