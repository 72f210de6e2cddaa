import type { JsonObject, Refuse } from './files/json.ts';
import type { TensorSet } from './tensors/tensors.ts';

/**
 * A model as its files describe it, whatever their format: what loading and converting begin with.
 * Only headers and the configuration have been read; whether they make sense is not checked yet.
 */
export interface ModelContents {
  /** config.json, or what another format says in its place. */
  readonly config: JsonObject;
  /** The weights as they are stored, by their names in the layout that `config` implies. */
  readonly tensors: TensorSet;
  /** What was left out of the weights, one sentence each. */
  readonly notes: readonly string[];
  /**
   * Reads the rest: apart, since a tokenizer of 35 MB is of no use where `config` is refused.
   *
   * @param parse reads tokenizer.json, where there is one; all of it becomes objects unless given
   */
  text(parse?: ParseTokenizer): Promise<ModelText>;
}

/** The value of a tokenizer.json. @throws what `refuse` makes */
export type ParseTokenizer = (bytes: Uint8Array, refuse: Refuse) => unknown;

/** What a model says of text, in the files of Hugging Face; what it does not have is left out. */
export interface ModelText {
  /** tokenizer.json. */
  readonly tokenizer?: JsonObject;
  /** tokenizer_config.json. */
  readonly tokenizerConfig?: JsonObject;
  /** special_tokens_map.json. */
  readonly specialTokensMap?: JsonObject;
  /** chat_template.jinja, which goes before the template in `tokenizerConfig`. */
  readonly chatTemplate?: string;
  /** generation_config.json. */
  readonly generationConfig?: JsonObject;
  /** Why there is no tokenizer, where the format has something else in its place. */
  readonly notes?: readonly string[];
}
