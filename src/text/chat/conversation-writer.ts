import type { ChatSource } from './choose-template.ts';
import { type ChatTemplate, compileChatTemplate } from '../chat-template.ts';
import type { CheckedConversation } from '../messages.ts';
import type { TextTokenizer } from '../tokenizer.ts';
import { type ContentForm, contentFormOf, inForm } from './content-form.ts';
import { upTo, withEnd } from './continuation.ts';
import { Hiding, type KnownWords, knownWords } from './hiding.ts';
import { namesRare } from '../template/rare-names.ts';
import { addTime } from '../template/globals.ts';
import { doubtsAbout, SpecialGuard } from './special-guard.ts';
import { StandIns } from './stand-ins.ts';
import type { TemplateFields } from './template-values.ts';

/** What templates write themselves, system prompts and today's date, beside the messages. */
const MIN_RENDERED = 2 ** 16;
const ASKS_FOR_TOOLS = /\b(?:tools|documents)\b/;

/**
 * What writes conversations by a template; undefined where the template names what few do, which
 * {@link openRareWriter} knows.
 *
 * @throws TpaError `CHAT_TEMPLATE_INVALID`, `TOKENIZER_INVALID`
 */
export async function openWriter(
  template: string,
  source: ChatSource,
  tokenizer: TextTokenizer,
): Promise<ConversationWriter | undefined> {
  if (template.includes('strftime_now')) addTime((await import('../strftime.ts')).strftime);
  return namesRare(template) ? undefined : new ConversationWriter(template, source, tokenizer);
}

/** Writes conversations by one template. */
export class ConversationWriter {
  readonly #source: string;
  readonly #template: ChatTemplate;
  readonly #own: Readonly<Record<string, string | undefined>>;
  readonly #written: readonly string[];
  readonly #known: KnownWords;
  readonly #guard: SpecialGuard;
  #form: ContentForm | undefined;

  /** @throws TpaError `CHAT_TEMPLATE_INVALID`, `TOKENIZER_INVALID` */
  constructor(source: string, { bosToken, eosToken }: ChatSource, tokenizer: TextTokenizer) {
    const template = compileChatTemplate(source);
    this.#source = source;
    this.#template = template;
    this.#own = { bos_token: bosToken, eos_token: eosToken };
    this.#known = knownWords(source, template.literals);
    this.#written = [source, ...template.literals, bosToken ?? '', eosToken ?? ''];
    this.#guard = new SpecialGuard(tokenizer, this.#written);
  }

  /**
   * The ids of a conversation up to where the answer begins or goes on, a bounded piece of work at a
   * time.
   *
   * @param most UTF-16 units that the template may write, more where it writes much of its own
   * @throws TpaError `CHAT_TEMPLATE_INVALID`; iterating, `TOKENIZER_INVALID`
   */
  encode(conversation: CheckedConversation, most: number): Iterable<readonly number[]> {
    const maxLength = Math.max(MIN_RENDERED, most);
    const guard = this.#guard;
    const taken = [...conversation.texts, ...this.#written, ...guard.marks];
    const standIns = new StandIns(guard.marks, taken);
    const { messages: given, tools, documents, variables, isContinued } = conversation;
    const messages = inForm(given, this.#formOf(maxLength));
    const end = standIns.unused();
    const hideBy = (hiding: Hiding): TemplateFields => {
      const hidden = messages.map((message) => hiding.message(message));
      if (isContinued) hidden.push(withEnd(hidden.pop()!, end));
      return {
        ...hiding.value(variables),
        messages: hidden,
        tools: hiding.value(tools),
        documents: hiding.value(documents),
        add_generation_prompt: !isContinued,
      };
    };
    const write = (hidden: TemplateFields): string => {
      const text = this.#render(hidden, maxLength, (one) => standIns.restore(one));
      return isContinued ? upTo(end, text) : text;
    };

    let rendered = write(hideBy(new Hiding(standIns, this.#known)));
    let own = guard.tokensIn(rendered, standIns);
    const strict = new Hiding(standIns, this.#known, doubtsAbout(own));
    const hidden = hideBy(strict);
    if (strict.hasDoubts) {
      const other = write(hidden);
      // They differ where the template knows a word and acts upon it.
      if (standIns.restore(other) === standIns.restore(rendered)) {
        rendered = other;
        own = guard.tokensIn(rendered, standIns);
      }
    }
    return guard.encode(rendered, own, standIns);
  }

  #formOf(maxLength: number): ContentForm {
    return (this.#form ??= contentFormOf(this.#source, (message) => {
      const variables = { tools: null, documents: null, add_generation_prompt: true };
      try {
        return this.#render({ ...variables, messages: [message] }, maxLength);
      } catch {
        return undefined;
      }
    }));
  }

  /**
   * Tools and documents that there are none of are null, as in transformers; a template that cannot
   * work with that may do so where they are not defined.
   *
   * @param original text without stand-ins, as the template compares it and looks into it
   */
  #render(
    variables: TemplateFields,
    maxLength: number,
    original?: (text: string) => string,
  ): string {
    const all: Readonly<Record<string, unknown>> = { ...this.#own, ...variables };
    const render = (some: Readonly<Record<string, unknown>>): string =>
      this.#template.render(some, maxLength, undefined, original);
    try {
      return render(all);
    } catch (error) {
      const defined = Object.entries(all).filter(([, value]) => value !== null);
      const isAll = defined.length === Object.keys(all).length;
      if (isAll || !ASKS_FOR_TOOLS.test(this.#source)) throw error;
      try {
        return render(Object.fromEntries(defined));
      } catch {
        throw error;
      }
    }
  }
}
