import { type ChatSource, chooseTemplate } from './chat/choose-template.ts';
import type { ConversationWriter } from './chat/conversation-writer.ts';
import type { CheckedConversation } from './messages.ts';
import type { TextTokenizer } from './tokenizer.ts';

/** Templates are kept once they are read; programs that pass their own have one or two. */
const MAX_WRITERS = 8;

/** How a model writes conversations; one for all sessions of a model. */
export class Chat {
  readonly #source: ChatSource;
  readonly #tokenizer: TextTokenizer;
  readonly #writers = new Map<string, ConversationWriter>();

  constructor(source: ChatSource, tokenizer: TextTokenizer) {
    this.#source = source;
    this.#tokenizer = tokenizer;
  }

  /**
   * Reads a conversation's template now and writes it later: the function gives the ids, a bounded
   * piece of work at a time, up to where the answer begins, whatever the template writes in front of
   * it included.
   *
   * @throws RangeError for a template that the model does not have; TpaError `CHAT_TEMPLATE_MISSING`.
   *   The function rejects with `CHAT_TEMPLATE_INVALID`, `TOKENIZER_INVALID`; so may iterating
   */
  begin(
    conversation: CheckedConversation,
    contextLength: number,
  ): () => Promise<Iterable<readonly number[]>> {
    const { chatTemplate, tools } = conversation;
    const template = chooseTemplate(this.#source, chatTemplate, tools !== null);
    return async () => (await this.#writerFor(template)).encode(conversation, contextLength);
  }

  async #writerFor(template: string): Promise<ConversationWriter> {
    let writer = this.#writers.get(template);
    if (writer === undefined) {
      writer = await open(template, this.#source, this.#tokenizer);
      const [oldest] = this.#writers.keys();
      if (this.#writers.size === MAX_WRITERS) this.#writers.delete(oldest!);
      this.#writers.set(template, writer);
    }
    return writer;
  }
}

/** Programs without conversations need not load it, others not what few templates name. */
async function open(
  ...of: readonly [template: string, source: ChatSource, tokenizer: TextTokenizer]
): Promise<ConversationWriter> {
  const { openWriter } = await import('./chat/conversation-writer.ts');
  return (await openWriter(...of)) ?? (await import('./chat/rare-writer.ts')).openRareWriter(...of);
}
