import { byteLevelTokenizer } from './vocabulary/byte-level.ts';
import { SPLITTINGS } from './vocabulary/splittings.ts';
import { readVocabulary } from './vocabulary/tokens.ts';
import { KEPT_TOKENIZER, keptObject } from './own/kept.ts';
import type { JsonObject } from '../files/json.ts';
import { sentencePieceTokenizer } from './vocabulary/sentencepiece.ts';
import type { ModelText, ParseTokenizer } from '../contents.ts';
import type { GgufMetadata } from './metadata.ts';

/** The template of most conversations; others add a dot and their names to it. */
export const TEMPLATE = 'tokenizer.chat_template';
/** The names of those others. */
export const TEMPLATE_NAMES = 'tokenizer.chat_templates';

/**
 * The tokenizer of a GGUF file, in the files of Hugging Face.
 *
 * @param vocabSize rows of the embedding
 * @param parse reads a tokenizer.json; where it is given, vocabulary and merges may be in typed arrays
 * @throws TpaError `CHECKPOINT_INVALID` where the metadata breaks its format
 */
export function readGgufTokenizer(
  metadata: GgufMetadata,
  vocabSize: number,
  parse?: ParseTokenizer,
): ModelText {
  const rebuilt = withStart(rebuild(metadata, vocabSize, parse), metadata);
  const config = configOf(metadata);
  const isRebuilt = typeof rebuilt !== 'string';
  return {
    ...(isRebuilt && { tokenizer: rebuilt }),
    ...(Object.keys(config).length > 0 && { tokenizerConfig: config }),
    notes: isRebuilt ? [] : [`no tokenizer.json, since ${rebuilt}: token ids only`],
  };
}

/** tokenizer.json, or why there is none. */
function rebuild(
  metadata: GgufMetadata,
  vocabSize: number,
  parse?: ParseTokenizer,
): JsonObject | string {
  const kept = keptObject(metadata, KEPT_TOKENIZER, parse);
  if (kept) return kept;
  const vocabulary = readVocabulary(metadata, vocabSize);
  if (!vocabulary) return 'the file has no vocabulary';
  const model = metadata.text('tokenizer.ggml.model');
  if (model === 'gpt2') {
    const merges = metadata.texts('tokenizer.ggml.merges');
    const pre = metadata.text('tokenizer.ggml.pre');
    return merges
      ? byteLevelTokenizer(vocabulary, pre, merges, parse !== undefined)
      : 'the file has no merges';
  }
  if (model === 'llama') {
    const scores = metadata.numbers('tokenizer.ggml.scores') ?? [];
    const hasSpacePrefix = metadata.boolean('tokenizer.ggml.add_space_prefix') ?? true;
    return sentencePieceTokenizer(vocabulary, scores, hasSpacePrefix);
  }
  return 'its kind of vocabulary is not known';
}

/** The same tokenizer.json, putting BOS before a text where the file says or implies it. */
function withStart(tokenizer: JsonObject | string, metadata: GgufMetadata): JsonObject | string {
  const id = metadata.tokenId('bos');
  const isImplied =
    metadata.text('tokenizer.ggml.model') === 'llama' ||
    SPLITTINGS.get(metadata.text('tokenizer.ggml.pre') ?? 'default')?.startsWithBos;
  const isAdded = metadata.boolean('tokenizer.ggml.add_bos_token') ?? isImplied;
  const token = metadata.texts('tokenizer.ggml.tokens')?.[id ?? -1];
  if (typeof tokenizer === 'string' || tokenizer['post_processor'] !== null) return tokenizer;
  if (!isAdded || token === undefined) return tokenizer;
  const start = { SpecialToken: { id: token, type_id: 0 } };
  const A = { Sequence: { id: 'A', type_id: 0 } };
  return {
    ...tokenizer,
    post_processor: {
      type: 'TemplateProcessing',
      single: [start, A],
      pair: [start, A, { Sequence: { id: 'B', type_id: 1 } }],
      special_tokens: { [token]: { id: token, ids: [id], tokens: [token] } },
    },
  };
}

/** tokenizer_config.json: the template of a chat and the tokens it names. */
function configOf(metadata: GgufMetadata): JsonObject {
  const tokens = metadata.texts('tokenizer.ggml.tokens') ?? [];
  const token = (name: string): string | undefined => {
    const id = metadata.tokenId(name);
    return id === undefined ? undefined : tokens[id];
  };
  const values: readonly (readonly [string, unknown])[] = [
    ['bos_token', token('bos')],
    ['eos_token', token('eos')],
    ['add_bos_token', metadata.boolean('tokenizer.ggml.add_bos_token')],
    ['add_eos_token', metadata.boolean('tokenizer.ggml.add_eos_token')],
    ['chat_template', templatesOf(metadata)],
  ];
  return Object.fromEntries(values.filter(([, value]) => value !== undefined));
}

/** The template, or several by their names, the one for most conversations first. */
function templatesOf(metadata: GgufMetadata): string | readonly JsonObject[] | undefined {
  const usual = metadata.text(TEMPLATE);
  const names = metadata.texts(TEMPLATE_NAMES) ?? [];
  const named = names.flatMap((name) => {
    const template = metadata.text(`${TEMPLATE}.${name}`);
    return template === undefined ? [] : [{ name, template }];
  });
  if (named.length === 0) return usual;
  return usual === undefined ? named : [{ name: 'default', template: usual }, ...named];
}
