import type { GenerationDefaults } from '../format/config/generation-config.ts';
import { Chat } from '../text/chat.ts';
import type { TextTokenizer } from '../text/tokenizer.ts';
import type { ModelTextParts } from './read-text.ts';

/** How a model reads and writes text. */
export interface OpenedText {
  readonly tokenizer: TextTokenizer | undefined;
  readonly chat: Chat;
  readonly defaults: GenerationDefaults;
}

/**
 * Builds the tokenizer and the chat of a model.
 *
 * @param parts what its files say about text
 * @throws TpaError `TOKENIZER_INVALID`
 */
export async function openText(parts: ModelTextParts): Promise<OpenedText> {
  const tokenizer = await openTokenizer(parts);
  return { tokenizer, chat: new Chat(parts.chat, tokenizer), defaults: parts.defaults };
}

async function openTokenizer({
  tokenizer,
  vocabSize,
  start,
}: ModelTextParts): Promise<TextTokenizer | undefined> {
  if (tokenizer === undefined) return undefined;
  const { createTokenizer } = await import('../text/tokenizer.ts');
  return createTokenizer(tokenizer, { vocabSize, start });
}
