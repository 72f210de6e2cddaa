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
import { type ChatSource, chatSourceOf } from '../text/chat/choose-template.ts';

/** What a model's files say about text, before anything is built of it: another thread may do that. */
export interface ModelTextParts {
  /** tokenizer.json; its vocabulary and merges may be in typed arrays. */
  readonly tokenizer: JsonObject | undefined;
  /** Rows of the embedding. */
  readonly vocabSize: number;
  readonly start: AgreedText['start'];
  readonly chat: ChatSource;
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
 * @throws RangeError for an unknown name; TpaError `CONFIG_INVALID`, `TOKENIZER_INVALID`
 */
export async function readText(
  contents: ModelContents,
  { vocabSize, eosTokenIds }: Pick<ModelConfig, 'vocabSize' | 'eosTokenIds'>,
  chatTemplate: string | undefined,
): Promise<ModelTextParts> {
  const { text, endIds, start } = agreeOnSpecialTokens(
    await contents.text(parseTokenizerJson),
    contents.config,
  );
  const generation = parseGenerationConfig(text.generationConfig ?? {}, vocabSize);
  const named = endIds.filter((id) => id < vocabSize);
  return {
    tokenizer: text.tokenizer,
    vocabSize,
    start,
    chat: chatSourceOf(chatConfigOf(text), chatTemplate),
    defaults: generation.defaults,
    eosTokenIds: [...new Set([...eosTokenIds, ...generation.eosTokenIds, ...named])],
    notes: text.notes ?? [],
  };
}
