import { chatConfigOf } from '../../format/config/chat-config.ts';
import { parseGenerationConfig } from '../../format/config/generation-config.ts';
import { KEPT_GENERATION, KEPT_TOKENIZER } from '../../format/gguf/own/kept.ts';
import { readGgufTokenizer, TEMPLATE, TEMPLATE_NAMES } from '../../format/gguf/tokenizer.ts';
import { GgufMetadata } from '../../format/gguf/metadata.ts';
import { agreeOnSpecialTokens } from '../../format/special-tokens/agreed-text.ts';
import { essenceOf, isSameTokenizer, type TokenizerEssence } from './tokenizer-essence.ts';
import { vocabularyPairs } from './vocabulary-pairs.ts';
import type { ModelConfig } from '../../format/config/model-config.ts';
import type { ModelText } from '../../format/contents.ts';
import type { JsonObject } from '../../format/files/json.ts';
import type { GgufPair } from './header-writer.ts';

const TOKENIZER = 'tokenizer.ggml';

/** What is written of a model's text. */
export interface TextPairs {
  readonly pairs: readonly GgufPair[];
  /** What other readers will miss, one sentence each. */
  readonly notes: readonly string[];
}

/**
 * Tokenizer, special tokens, chat templates and generation_config.json.
 *
 * @param json config.json
 * @throws TpaError `CONFIG_INVALID`
 */
export function textPairs(
  text: ModelText,
  json: JsonObject,
  { vocabSize, eosTokenIds }: Pick<ModelConfig, 'vocabSize' | 'eosTokenIds'>,
): TextPairs {
  const agreed = agreeOnSpecialTokens(text, json);
  const { tokenizer, tokenizerConfig = {}, generationConfig } = agreed.text;
  const essence = tokenizer && essenceOf(tokenizer);
  const idOf = (role: string): number | undefined => {
    const token = contentOf(tokenizerConfig[`${role}_token`]);
    const stated = tokenizer ? undefined : json[`${role}_token_id`];
    const id = typeof token === 'string' ? essence?.ids.get(token) : integerOf(stated);
    return id !== undefined && id < vocabSize ? id : undefined;
  };
  const generation = parseGenerationConfig(generationConfig ?? {}, vocabSize);
  const ends = [...new Set([...eosTokenIds, ...generation.eosTokenIds, ...agreed.endIds])];
  const bos = idOf('bos');
  const start = startOf(essence, agreed.start, bos);
  const known = knownPairs(tokenizer, essence, vocabSize, start);
  const isKept = tokenizer !== undefined && known === undefined;
  const ids = {
    bos,
    eos: idOf('eos') ?? ends[0],
    unknown: idOf('unk'),
    padding: idOf('pad'),
  };
  const addsEos = tokenizerConfig['add_eos_token'];
  const isStartKnown = !isKept || agreed.start !== undefined;
  const pairs: GgufPair[] = [
    ...(known ?? [[`${TOKENIZER}.model`, { type: 'text', value: 'none' }]]),
    ...Object.entries(ids).flatMap(([role, id]): GgufPair[] =>
      id === undefined ? [] : [[`${TOKENIZER}.${role}_token_id`, { type: 'u32', value: id }]],
    ),
    ...flag('add_bos_token', isStartKnown ? start === 'bos' : undefined),
    ...flag('add_eos_token', typeof addsEos === 'boolean' ? addsEos : undefined),
    ...templatePairs(agreed.text),
    ...(generationConfig || ends.length > 1
      ? [
          kept(KEPT_GENERATION, {
            ...generationConfig,
            ...(ends.length > 0 && { eos_token_id: ends }),
          }),
        ]
      : []),
    ...(isKept ? [kept(KEPT_TOKENIZER, tokenizer)] : []),
  ];
  return { pairs, notes: isKept ? [KEPT_NOTE] : [] };
}

const KEPT_NOTE =
  'the tokenizer is none that GGUF has keys for: it is kept as tokenizer.json inside, which llama.cpp ' +
  'does not read';

/** What stands before every text: BOS, nothing, or what only tokenizer.json can say. */
function startOf(
  essence: TokenizerEssence | undefined,
  start: { readonly id: number; readonly isAdded: boolean } | undefined,
  bos: number | undefined,
): 'bos' | 'none' | 'other' {
  const tokens = (essence?.start ?? []).map((token) => essence?.ids.get(token));
  const ids = new Set(tokens);
  if (start?.isAdded === true) ids.add(start.id);
  if (start?.isAdded === false) ids.delete(start.id);
  if (ids.size === 0) return 'none';
  return ids.size === 1 && bos !== undefined && ids.has(bos) ? 'bos' : 'other';
}

/** The vocabulary by keys of its own, where they say all that tokenizer.json does. */
function knownPairs(
  tokenizer: JsonObject | undefined,
  essence: TokenizerEssence | undefined,
  vocabSize: number,
  start: ReturnType<typeof startOf>,
): GgufPair[] | undefined {
  if (!tokenizer || !essence || start === 'other') return undefined;
  const pairs = vocabularyPairs(tokenizer, essence, vocabSize);
  if (!pairs) return undefined;
  const metadata = new GgufMetadata(new Map(pairs.map(([key, { value }]) => [key, value])));
  const { tokenizer: read } = readGgufTokenizer(metadata, vocabSize);
  const readEssence = read && essenceOf(read);
  return readEssence && isSameTokenizer(withRows(essence, vocabSize), readEssence)
    ? pairs
    : undefined;
}

/** Without the tokens that the embedding has no rows for. */
function withRows(essence: TokenizerEssence, vocabSize: number): TokenizerEssence {
  return {
    ...essence,
    ids: new Map([...essence.ids].filter(([, id]) => id < vocabSize)),
    added: essence.added.filter(({ id }) => id < vocabSize),
  };
}

function templatePairs(text: ModelText): GgufPair[] {
  const { templates } = chatConfigOf(text);
  const names = [...templates.keys()].filter((name) => name !== 'default');
  const pairs: GgufPair[] = Array.from(templates, ([name, value]) => [
    name === 'default' ? TEMPLATE : `${TEMPLATE}.${name}`,
    { type: 'text', value },
  ]);
  if (names.length > 0) pairs.push([TEMPLATE_NAMES, { type: 'texts', value: names }]);
  return pairs;
}

function flag(name: string, value: boolean | undefined): GgufPair[] {
  return value === undefined ? [] : [[`${TOKENIZER}.${name}`, { type: 'bool', value }]];
}

function kept(key: string, json: JsonObject): GgufPair {
  return [key, { type: 'text', value: JSON.stringify(json) }];
}

function integerOf(value: unknown): number | undefined {
  return Number.isInteger(value) && (value as number) >= 0 ? (value as number) : undefined;
}

/** A token is written as text, or as an object with it. */
function contentOf(token: unknown): unknown {
  return typeof token === 'object' ? (Object(token) as JsonObject)['content'] : token;
}
