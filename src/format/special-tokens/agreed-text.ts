import type { ModelText } from '../contents.ts';
import { LIMITS } from '../config/limits.ts';
import type { JsonObject } from '../files/json.ts';
import { readNamedTokens } from './named-tokens.ts';
import { TokenTable } from './token-table.ts';

/** A model's text files in agreement about special tokens. */
export interface AgreedText {
  /** The same files: tokenizer.json has what the others say, tokenizer_config.json what templates get. */
  readonly text: ModelText;
  /** Ids of the tokens that a file names as EOS by their text. */
  readonly endIds: readonly number[];
  /** BOS, and whether texts begin with it; undefined where that is left to tokenizer.json. */
  readonly start: { readonly id: number; readonly isAdded: boolean } | undefined;
}

/**
 * Brings together what five files say about special tokens.
 *
 * - Every added token that one of them names is special, and `added_tokens_decoder` adds what
 *   tokenizer.json lacks; where the two contradict each other, tokenizer.json is right.
 * - Templates know BOS and EOS by the texts that are named, else by the ids of generation_config.json
 *   and config.json, unless a file says that there is none.
 * - `add_bos_token` decides whether texts begin with BOS; where it is missing, so does the class of the
 *   tokenizer in transformers (LLaMA's begin with it), else the post-processor of tokenizer.json.
 *   `add_eos_token` is for training: an EOS behind a prompt would be the end of what is to go on.
 *
 * @param config config.json
 * @throws TpaError `CONFIG_INVALID` for a BOS or an EOS that is no text
 */
export function agreeOnSpecialTokens(text: ModelText, config: JsonObject): AgreedText {
  const { tokenizer, tokenizerConfig, generationConfig = {} } = text;
  const named = readNamedTokens(text);
  const table = new TokenTable(tokenizer ?? {}, named.tokens);
  const choose = (token: string | null | undefined, key: string): string | null => {
    if (token !== undefined) return token;
    const ids: unknown[] = [generationConfig, config].flatMap((file) => file[key] ?? []);
    for (const id of ids.slice(0, LIMITS.eosIds)) {
      const content = table.contentOf(id);
      if (content !== undefined) return content;
    }
    return null;
  };
  const bos = choose(named.bos, 'bos_token_id');
  const eos = choose(named.eos, 'eos_token_id');
  const id = table.idOf(bos ?? '');
  const isAdded = named.addsBos;
  return {
    text: {
      ...text,
      tokenizerConfig: { ...tokenizerConfig, bos_token: bos, eos_token: eos },
      ...(tokenizer && { tokenizer: { ...tokenizer, added_tokens: table.added } }),
    },
    endIds: named.ends.flatMap((content) => table.idOf(content) ?? []),
    start: id === undefined || isAdded === undefined ? undefined : { id, isAdded },
  };
}
