import { chatConfigOf } from '../format/config/chat-config.ts';
import {
  type GenerationDefaults,
  parseGenerationConfig,
} from '../format/config/generation-config.ts';
import type { ModelConfig } from '../format/config/model-config.ts';
import type { ModelContents } from '../format/contents.ts';
import type { JsonObject } from '../format/files/json.ts';
import { type AgreedText, agreeOnSpecialTokens } from '../format/special-tokens/agreed-text.ts';
import { parseTokenizerJson } from '../format/tokenizer-json.ts';
import { chatSourceOf } from '../text/chat/choose-template.ts';
import { Chat } from '../text/chat.ts';
import type { TextTokenizer } from '../text/tokenizer.ts';

/** What a model's files say about text. */
export interface OpenedText {
  readonly tokenizer: TextTokenizer | undefined;
  readonly chat: Chat;
  readonly defaults: GenerationDefaults;
  /** Ids that end a generation, by whichever file. */
  readonly eosTokenIds: readonly number[];
  /** What of the text is not used, one sentence each. */
  readonly notes: readonly string[];
}

/**
 * Reads the files beside the weights.
 *
 * @param contents a model
 * @param config what its config.json was read as
 * @param chatTemplate the caller's: a name of the model's templates, or one in place of them
 * @throws TpaError `CONFIG_INVALID`, `TOKENIZER_INVALID`
 */
export async function openText(
  contents: ModelContents,
  { vocabSize, eosTokenIds }: Pick<ModelConfig, 'vocabSize' | 'eosTokenIds'>,
  chatTemplate: string | undefined,
): Promise<OpenedText> {
  const { text, endIds, start } = agreeOnSpecialTokens(
    await contents.text(parseTokenizerJson),
    contents.config,
  );
  const generation = parseGenerationConfig(text.generationConfig ?? {}, vocabSize);
  const named = endIds.filter((id) => id < vocabSize);
  const source = chatSourceOf(chatConfigOf(text), chatTemplate);
  const ends = new Set([...eosTokenIds, ...generation.eosTokenIds, ...named]);
  const tokenizer = await openTokenizer(text.tokenizer, { vocabSize, start });
  return {
    tokenizer,
    chat: new Chat(source, tokenizer),
    defaults: generation.defaults,
    eosTokenIds: [...ends],
    notes: text.notes ?? [],
  };
}

async function openTokenizer(
  json: JsonObject | undefined,
  options: { vocabSize: number; start: AgreedText['start'] },
): Promise<TextTokenizer | undefined> {
  if (json === undefined) return undefined;
  const { createTokenizer } = await import('../text/tokenizer.ts');
  return createTokenizer(json, options);
}
