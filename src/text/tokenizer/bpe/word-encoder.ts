import { ALPHABET, toByteLevel } from '../byte-level.ts';
import { invalid } from '../fields.ts';
import type { Bpe } from './bpe.ts';
import { Merger } from './merger.ts';

/** Steps of a call: about a millisecond. */
const BUDGET = 8192;
/** Runs shorter than this are not cut: looking for a place costs more than it saves. */
const MIN_RUN = 32;
const MAX_CACHED_LENGTH = 32;
const MAX_CACHED = 8192;

/** Code points of the byte-level alphabet. */
const LETTERS = ALPHABET.map((letter) => letter.charCodeAt(0));

/** Ids of words that came before; of one tokenizer, under no rule that blocks ids. */
export type WordCache = Map<string, readonly number[]>;

/** The ids of one word after another, a bounded piece of work a call. */
export class WordEncoder {
  readonly #bpe: Bpe;
  readonly #isByteLevel: boolean;
  readonly #blocked: ReadonlySet<number>;
  readonly #cache: WordCache;
  readonly #merger: Merger;
  #word = '';
  #at = 0;
  /** Symbols that are not in the run yet. */
  readonly #waiting: number[] = [];
  #isMerging = false;
  /** Whether an unknown token waits for the characters that it may stand for too. */
  #hasUnknown = false;

  /**
   * @param isByteLevel whether a word is taken as its UTF-8 bytes
   * @param blocked ids that must not come of the text
   */
  constructor(bpe: Bpe, isByteLevel: boolean, blocked: ReadonlySet<number>, cache: WordCache) {
    this.#bpe = bpe;
    this.#isByteLevel = isByteLevel;
    this.#blocked = blocked;
    this.#cache = cache;
    this.#merger = new Merger(bpe.pairs, blocked);
  }

  begin(word: string): void {
    this.#word = word;
    this.#at = 0;
  }

  /**
   * Adds ids of the word.
   *
   * @returns whether they were the last ones
   * @throws TpaError `TOKENIZER_INVALID` for a character that nothing stands for
   */
  work(out: number[]): boolean {
    const first = out.length;
    const isNew = this.#at === 0;
    if (isNew) {
      const known = this.#known();
      if (known !== undefined) {
        for (const id of known) out.push(id);
        return true;
      }
    }
    if (!this.#encode(out)) return false;
    if (isNew && this.#blocked.size === 0 && this.#word.length <= MAX_CACHED_LENGTH) {
      if (this.#cache.size >= MAX_CACHED) this.#cache.clear();
      this.#cache.set(copyOf(this.#word), out.slice(first));
    }
    return true;
  }

  #known(): readonly number[] | undefined {
    const word = this.#word;
    if (word.length <= MAX_CACHED_LENGTH && this.#blocked.size === 0) {
      const cached = this.#cache.get(word);
      if (cached !== undefined) return cached;
    }
    const { ignoresMerges, vocabulary } = this.#bpe;
    if (!ignoresMerges || word.length > vocabulary.ids.maxLength) return undefined;
    const id = vocabulary.ids.get(this.#isByteLevel ? toByteLevel(word) : word);
    return id === undefined || this.#blocked.has(id) ? undefined : [id];
  }

  #encode(out: number[]): boolean {
    const merger = this.#merger;
    for (let budget = BUDGET; budget > 0; budget--) {
      if (this.#isMerging) {
        budget = merger.work(budget, out);
        if (merger.length > 0) return false;
        this.#isMerging = false;
      } else if (this.#waiting.length > 0) {
        // What no merge joins to the run ends it.
        const isJoined = merger.length < MIN_RUN || this.#joins(this.#waiting[0]!);
        if (isJoined) merger.add(this.#waiting.shift()!);
        this.#isMerging = !isJoined;
      } else if (this.#at < this.#word.length) {
        this.#readCharacter();
      } else if (this.#hasUnknown) {
        this.#hasUnknown = false;
        this.#waiting.push(this.#bpe.unknown!);
      } else if (merger.length > 0) {
        this.#isMerging = true;
      } else {
        return true;
      }
    }
    return false;
  }

  #joins(symbol: number): boolean {
    return this.#bpe.joints.has(this.#merger.last, symbol);
  }

  #readCharacter(): void {
    const code = this.#word.codePointAt(this.#at)!;
    this.#at += code > 0xffff ? 2 : 1;
    if (!this.#isByteLevel) this.#read(code);
    else for (const byte of utf8(code)) this.#read(LETTERS[byte]!);
  }

  #read(code: number): void {
    const { vocabulary, bytes, unknown, fusesUnknown } = this.#bpe;
    const id = vocabulary.character(code);
    if (id >= 0 && !this.#blocked.has(id)) {
      if (this.#hasUnknown) this.#waiting.push(unknown!);
      this.#hasUnknown = false;
      this.#waiting.push(id);
      return;
    }
    const byBytes = bytes && utf8(code).map((byte) => bytes[byte]!);
    if (byBytes?.includes(-1) === false) {
      this.#waiting.push(...byBytes);
    } else if (unknown !== undefined) {
      if (this.#hasUnknown && !fusesUnknown) this.#waiting.push(unknown);
      this.#hasUnknown = true;
    } else {
      throw invalid('there is no token for a piece of the text, nor an unknown token');
    }
  }
}

/** A word that does not keep the text alive that it was cut from. */
function copyOf(word: string): string {
  return String.fromCharCode(...Array.from({ length: word.length }, (_, i) => word.charCodeAt(i)));
}

function utf8(code: number): number[] {
  if (code < 0x80) return [code];
  if (code < 0x800) return [0xc0 | (code >> 6), 0x80 | (code & 63)];
  const tail = [0x80 | ((code >> 6) & 63), 0x80 | (code & 63)];
  if (code < 0x10000) return [0xe0 | (code >> 12), ...tail];
  return [0xf0 | (code >> 18), 0x80 | ((code >> 12) & 63), ...tail];
}
