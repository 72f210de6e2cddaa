import { TpaError } from '../base/errors.ts';
import type { TextTokenizer } from './tokenizer.ts';
import type { ChatTemplate } from './chat-template.ts';
import type { ChatMessage } from './messages.ts';
import { MAX_BYTES_PER_TOKEN } from './prompt.ts';

/** A chat template and what it needs to know besides the messages. */
export interface ChatSource {
  readonly template: string;
  readonly bosToken?: string;
  readonly eosToken?: string;
}

/** What templates write themselves, system prompts and today's date, beside the messages. */
const MIN_RENDERED = 2 ** 16;

/** How a model writes conversations; one for all sessions of a model. */
export class Chat {
  readonly #source: ChatSource;
  #template: ChatTemplate | undefined;

  constructor(source: ChatSource) {
    this.#source = source;
  }

  /**
   * The ids of a conversation up to where the answer begins, whatever the template writes in front
   * of it included.
   *
   * @throws TpaError `CHAT_TEMPLATE_INVALID`, `TOKENIZER_INVALID`
   */
  async encode(
    messages: readonly ChatMessage[],
    tokenizer: TextTokenizer,
    contextLength: number,
  ): Promise<number[]> {
    const { template: source, bosToken, eosToken } = this.#source;
    const template = await this.#compile();
    const texts = messages.flatMap(({ role, content }) => [role, content]);
    const fixed = [source, ...template.literals, bosToken ?? '', eosToken ?? ''];
    const { SpecialGuard } = await import('./special-guard.ts');
    const guard = new SpecialGuard(tokenizer, [...texts, ...fixed], template.literals);
    const variables = {
      messages: messages.map(({ role, content }) => ({
        role: guard.hide(role),
        content: guard.hide(content),
      })),
      add_generation_prompt: true,
      bos_token: bosToken,
      eos_token: eosToken,
    };
    const maxLength = Math.max(MIN_RENDERED, 2 * contextLength * MAX_BYTES_PER_TOKEN);
    return guard.encode(template.render(variables, maxLength));
  }

  async #compile(): Promise<ChatTemplate> {
    // 13 KB gzipped, which programs without conversations need not load.
    const { compileChatTemplate } = await import('./chat-template.ts');
    return (this.#template ??= compileChatTemplate(this.#source.template));
  }
}

/** The error of messages for a model without a template. */
export function templateMissing(): TpaError {
  const message = 'the model has no chat template to write messages with; pass text or token ids';
  return new TpaError('CHAT_TEMPLATE_MISSING', message);
}
