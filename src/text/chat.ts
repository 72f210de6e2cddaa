import { type ChatSource, chooseTemplate } from './chat/choose-template.ts';
import type { ConversationWriter } from './chat/conversation-writer.ts';
import { readConversation } from './messages.ts';
import { MAX_BYTES_PER_TOKEN } from './prompt.ts';
import type { TextTokenizer } from './tokenizer.ts';

/** Templates are kept once they are read; programs that pass their own have one or two. */
const MAX_WRITERS = 8;

/**
 * How a model reads and writes conversations; one for all sessions of a model. Core code holds its
 * type alone: it comes with what reads the model's files of text.
 */
export class Chat {
  readonly #source: ChatSource;
  readonly #tokenizer: TextTokenizer | undefined;
  readonly #writers = new Map<string, ConversationWriter>();

  constructor(source: ChatSource, tokenizer: TextTokenizer | undefined) {
    this.#source = source;
    this.#tokenizer = tokenizer;
  }

  /** Names of the templates. */
  get templates(): readonly string[] {
    return [...this.#source.templates.keys()];
  }

  /** Whether there is a template for conversations that name none. */
  get hasDefault(): boolean {
    const { chosen, templates } = this.#source;
    return chosen !== undefined || templates.has('default');
  }

  /**
   * Reads a conversation now and writes it later: the function gives the ids, a bounded
   * piece of work at a time, up to where the answer begins, whatever the template writes in front of
   * it included.
   *
   * @throws as {@link readConversation}; RangeError for a template that the model does not have;
   *   TpaError `CHAT_TEMPLATE_MISSING`. The function rejects with `CHAT_TEMPLATE_INVALID`,
   *   `TOKENIZER_INVALID`; so may iterating
   */
  begin(prompt: object, contextLength: number): () => Promise<Iterable<readonly number[]>> {
    const conversation = readConversation(prompt, this.#tokenizer, contextLength);
    const { chatTemplate, tools } = conversation;
    const template = chooseTemplate(this.#source, chatTemplate, tools !== null);
    const most = 2 * contextLength * MAX_BYTES_PER_TOKEN;
    return async () => (await this.#writerFor(template)).encode(conversation, most);
  }

  async #writerFor(template: string): Promise<ConversationWriter> {
    let writer = this.#writers.get(template);
    if (writer === undefined) {
      // A conversation for a model without a tokenizer was refused when it was read.
      writer = await open(template, this.#source, this.#tokenizer!);
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
