import { addRare } from '../template/rare/add-rare.ts';
import type { TextTokenizer } from '../tokenizer.ts';
import type { ChatSource } from './choose-template.ts';
import { ConversationWriter } from './conversation-writer.ts';

/**
 * What writes conversations by any template.
 *
 * @throws TpaError `CHAT_TEMPLATE_INVALID`, `TOKENIZER_INVALID`
 */
export function openRareWriter(
  template: string,
  source: ChatSource,
  tokenizer: TextTokenizer,
): ConversationWriter {
  addRare();
  return new ConversationWriter(template, source, tokenizer);
}
