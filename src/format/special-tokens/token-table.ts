import { TextTable } from '../../base/text-table.ts';
import type { JsonObject } from '../files/json.ts';
import type { NamedToken } from './named-tokens.ts';

/** How an added token is matched where no file says it. */
const AS_WRITTEN = { single_word: false, lstrip: false, rstrip: false, normalized: false };

/** `model.vocab`, as far as it was read. */
interface Vocab {
  get(content: string): unknown;
  textOf(id: number): string | undefined;
}

/**
 * The tokens of a tokenizer.json, which is not checked yet, together with those that other files
 * name. Without a tokenizer.json it has only the latter.
 */
export class TokenTable {
  readonly #vocab: Vocab;
  readonly #added: unknown[];
  /** Where the entry of a text is in `#added`. */
  readonly #entries: Map<string, number>;

  constructor({ model, added_tokens }: JsonObject, named: readonly NamedToken[]) {
    this.#vocab = vocabOf((Object(model) as JsonObject)['vocab']);
    this.#added = [added_tokens ?? []].flat();
    this.#entries = new Map();
    for (const [at, entry] of this.#added.entries()) {
      const { content } = Object(entry) as JsonObject;
      if (typeof content === 'string') this.#entries.set(content, at);
    }
    let taken: Set<unknown> | undefined;
    for (const token of named) {
      // A word of the vocabulary stays one, also as EOS: as a special token people could not write it.
      if (token.id === undefined && !this.#entries.has(token.content)) continue;
      const id = this.idOf(token.content) ?? token.id;
      const isOther = token.id !== undefined && token.id !== id;
      if (id === undefined || isOther) continue; // tokenizer.json is right, or does not have it
      if (this.idOf(token.content) === undefined) {
        taken ??= new Set(this.#added.map(idIn));
        if (taken.has(id) || this.#vocab.textOf(id) !== undefined) continue;
        taken.add(id);
      }
      this.#merge(token, id);
    }
  }

  /** `added_tokens` of tokenizer.json. */
  get added(): readonly unknown[] {
    return this.#added;
  }

  idOf(content: string): number | undefined {
    const at = this.#entries.get(content);
    const id = this.#vocab.get(content) ?? (at === undefined ? undefined : idIn(this.#added[at]));
    return typeof id === 'number' ? id : undefined;
  }

  contentOf(id: unknown): string | undefined {
    if (typeof id !== 'number') return undefined;
    for (const [content, at] of this.#entries) if (idIn(this.#added[at]) === id) return content;
    return this.#vocab.textOf(id);
  }

  #merge({ content, flags }: NamedToken, id: number): void {
    const at = this.#entries.get(content) ?? this.#added.length;
    const known = Object(this.#added[at]) as JsonObject;
    const special = known['special'] === true || flags['special'] === true;
    const isSaid = Object.keys(flags).every((flag) => known[flag] === flags[flag]);
    if (isSaid && known['id'] === id) return; // most files say the same
    this.#added[at] = { ...AS_WRITTEN, ...known, ...flags, id, content, special };
    this.#entries.set(content, at);
  }
}

function vocabOf(vocab: unknown): Vocab {
  if (vocab instanceof TextTable) return vocab;
  const ids = Object(vocab) as JsonObject;
  let texts: Map<unknown, string> | undefined;
  return {
    get: (content) => (Object.hasOwn(ids, content) ? ids[content] : undefined),
    textOf(id) {
      // the first text of an id counts
      texts ??= new Map(
        Object.entries(ids)
          .toReversed()
          .map(([text, known]) => [known, text]),
      );
      return texts.get(id);
    },
  };
}

function idIn(entry: unknown): unknown {
  return (Object(entry) as JsonObject)['id'];
}
