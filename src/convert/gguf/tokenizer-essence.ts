import type { JsonObject } from '../../format/files/json.ts';

/** A token that is found in the text itself. */
export interface AddedEntry {
  readonly id: number;
  readonly content: string;
  readonly isSpecial: boolean;
}

/** What of a tokenizer.json decides about ids and texts, in one form for all that mean the same. */
export interface TokenizerEssence {
  /** Steps of all stages, Sequences taken apart, and how the model treats what is no token. */
  readonly steps: string;
  /** Every token of the vocabulary and every added one. */
  readonly ids: ReadonlyMap<string, number>;
  readonly merges: readonly string[];
  readonly added: readonly AddedEntry[];
  /** Whether an added token is matched otherwise than as it is written. */
  readonly hasFlags: boolean;
  /** Texts of the tokens that stand before every text. */
  readonly start: readonly string[];
}

/** Fields of steps that change neither ids nor texts, and those that say what holds without them. */
const NEUTRAL: ReadonlySet<string> = new Set(['type', 'trim_offsets']);
const DEFAULTS: Readonly<Record<string, JsonObject>> = {
  ByteLevel: { add_prefix_space: false, use_regex: true },
  Split: { invert: false },
  Digits: { individual_digits: false },
  Punctuation: { behavior: 'Isolated' },
};
/** Lists of a Sequence. */
const LISTS = ['normalizers', 'pretokenizers', 'decoders', 'processors'];

/** Which of its fields make a decoder for bytes is the same for all. */
const BYTES = { type: 'ByteLevel' };

/** Reads a tokenizer.json of byte-pair encoding; undefined for another kind, or where ids are none. */
export function essenceOf(tokenizer: JsonObject): TokenizerEssence | undefined {
  const model = objectOf(tokenizer['model']);
  const { type = 'BPE', vocab, merges } = model;
  if (type !== 'BPE' || !Array.isArray(merges)) return undefined;
  const normalizers = stepsOf(tokenizer['normalizer']);
  const decoders = stepsOf(tokenizer['decoder']);
  const isByteFallback = model['byte_fallback'] === true;
  const entries = [tokenizer['added_tokens'] ?? []].flat().map(objectOf);
  const added = entries.map(({ id, content, special }) => ({
    id: Number(id),
    content: String(content),
    isSpecial: special === true,
  }));
  const ids = new Map(Object.entries(objectOf(vocab)) as [string, number][]);
  for (const { id, content } of added) if (!ids.has(content)) ids.set(content, id);
  const areIds = [...ids.values()].every((id) => Number.isSafeInteger(id) && id >= 0);
  if (!areIds) return undefined;
  const steps = {
    normalizers: normalizers.map(canonical),
    cuts: stepsOf(tokenizer['pre_tokenizer']).map(canonical),
    decoders: decoders.map((step) => canonical(step['type'] === 'ByteLevel' ? BYTES : step)),
    // Bytes have tokens: none is unknown.
    unknown: isByteFallback && [model['unk_token'] ?? null, model['fuse_unk'] === true],
    ignoresMerges: model['ignore_merges'] === true,
  };
  const isMatched = ({ single_word, lstrip, rstrip, normalized }: JsonObject) =>
    single_word === true ||
    lstrip === true ||
    rstrip === true ||
    (normalized === true && normalizers.length > 0);
  return {
    steps: JSON.stringify(steps),
    ids,
    merges: merges.map((merge) => (Array.isArray(merge) ? merge.join(' ') : String(merge))),
    added: added.toSorted((a, b) => a.id - b.id),
    hasFlags: entries.some(isMatched),
    start: startOf(tokenizer['post_processor']),
  };
}

/** Whether two tokenizers give the same ids and texts, whatever stands before a text. */
export function isSameTokenizer(a: TokenizerEssence, b: TokenizerEssence): boolean {
  return (
    a.steps === b.steps &&
    a.hasFlags === b.hasFlags &&
    JSON.stringify(a.added) === JSON.stringify(b.added) &&
    a.merges.length === b.merges.length &&
    a.merges.every((merge, rank) => merge === b.merges[rank]) &&
    a.ids.size === b.ids.size &&
    [...a.ids].every(([token, id]) => b.ids.get(token) === id)
  );
}

/** A stage or a step, in one form: fields in order, without those that change nothing. */
export function canonicalSteps(stage: unknown): string {
  return JSON.stringify(stepsOf(stage).map(canonical));
}

function canonical(step: JsonObject): unknown {
  const type = String(step['type']);
  const fields = Object.entries({ ...DEFAULTS[type], ...step })
    .filter(([name]) => !NEUTRAL.has(name))
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return [type, ...fields];
}

function stepsOf(stage: unknown): JsonObject[] {
  if (stage === null || stage === undefined) return [];
  const step = objectOf(stage);
  if (step['type'] !== 'Sequence') return [step];
  return LISTS.flatMap((list) => [step[list] ?? []].flat()).flatMap(stepsOf);
}

/** Tokens with which the template for one text begins; bytes alone put none there. */
function startOf(postProcessor: unknown): string[] {
  const tokens: string[] = [];
  for (const { type, single, cls } of stepsOf(postProcessor)) {
    if (Array.isArray(cls)) tokens.push(String(cls[0]));
    if (type !== 'TemplateProcessing') continue;
    for (const piece of [single ?? []].flat()) {
      const { id } = objectOf(objectOf(piece)['SpecialToken']);
      if (id === undefined) break;
      tokens.push(String(id));
    }
  }
  return tokens;
}

function objectOf(value: unknown): JsonObject {
  return Object(value) as JsonObject;
}
