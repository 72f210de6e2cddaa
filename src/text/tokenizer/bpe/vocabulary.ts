import { TextTable } from '../../../base/text-table.ts';
import { asObject, invalid, type JsonObject, unexpected } from '../fields.ts';

/** Four times the largest published vocabulary (262,144). */
export const MAX_VOCAB_SIZE = 2 ** 20;

/** The tokens of a model by their texts. */
export class Vocabulary {
  readonly ids: TextTable;
  /** Ids of the characters of the basic plane; -1 for none. */
  readonly #characters = new Int32Array(0x10000).fill(-1);

  constructor(ids: TextTable) {
    this.ids = ids;
    for (let id = 0; id < ids.limit; id++) {
      if (ids.lengthOf(id) === 1) this.#characters[ids.unitOf(id, 0)] = id;
    }
  }

  /** The token of a character; -1 for none. */
  character(code: number): number {
    if (code < 0x10000) return this.#characters[code]!;
    return this.ids.get(String.fromCodePoint(code)) ?? -1;
  }

  /** The tokens <0x00> to <0xFF>; -1 where there is none. */
  bytes(): number[] {
    return Array.from({ length: 256 }, (_, byte) => {
      const hex = byte.toString(16).toUpperCase().padStart(2, '0');
      return this.ids.get(`<0x${hex}>`) ?? -1;
    });
  }
}

/**
 * Reads `model.vocab`, an object or a table that was made of one as it was read.
 *
 * @throws TpaError `TOKENIZER_INVALID`
 */
export function readVocabulary(model: JsonObject): Vocabulary {
  const { vocab } = model;
  if (vocab instanceof TextTable) return new Vocabulary(vocab);
  const ids = new TextTable();
  const seen = new Set<number>();
  for (const [name, value] of Object.entries(asObject('model.vocab', vocab))) {
    const id = readId(value);
    if (name === '') throw invalid('a token has no text');
    if (seen.has(id)) throw invalid(`two tokens have the id ${id}`);
    seen.add(id);
    ids.set(name, id);
  }
  ids.seal();
  return new Vocabulary(ids);
}

/** @throws TpaError `TOKENIZER_INVALID` */
export function readId(id: unknown): number {
  if (Number.isInteger(id) && (id as number) >= 0 && (id as number) < MAX_VOCAB_SIZE) {
    return id as number;
  }
  throw idOutOfRange(id, MAX_VOCAB_SIZE);
}

export function idOutOfRange(id: unknown, limit: number): Error {
  return unexpected('the id of a token', `an integer in 0..${limit - 1}`, id);
}
