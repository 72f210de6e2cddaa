/** Why a template cannot be read or rendered; the text goes on from "the chat template". */
export class Refusal extends Error {}

/** Steps of a rendering that brings nothing, about 25 ms; a message takes 20 to 200. */
const BASE_STEPS = 2 ** 17;
/** A template may go through each given text this many times 16 characters, and more. */
const STEPS_PER_CHARACTER = 8;
const STEPS_PER_VALUE = 512;
/** However long the conversation is: about two seconds. */
const MAX_STEPS = 2 ** 23;
/** Characters that are copied or compared in about the time of a step. */
const CHARACTERS_PER_STEP = 16;
/** Texts that are as quickly made plain as looked up: what templates look for. */
const SHORT = 64;
/** Published templates nest up to about 30 deep; each level takes two to five frames of stack. */
const MAX_DEPTH = 400;

/**
 * What a rendering may still do. Every node that is evaluated is a step, so is every item that is
 * made or looked at, and every 16 characters; whatever grows is paid before it is made. So the
 * steps bound the time and the memory.
 */
export class Budget {
  /** UTF-16 units of any text, and of the result. */
  readonly maxLength: number;
  /** Where in the source the work is, for messages. */
  line = 1;
  readonly #original: (text: string) => string;
  #last = { text: '', plain: '' };
  #limit = BASE_STEPS;
  #steps = 0;
  #depth = 0;

  /** @param original a text with as many units, as which another one is compared */
  constructor(maxLength: number, original: (text: string) => string = (text) => text) {
    this.maxLength = maxLength;
    this.#original = original;
  }

  /** A text as it is compared with others, and looked for in them. */
  plain(text: string): string {
    if (text.length <= SHORT) return this.#original(text);
    if (text !== this.#last.text) {
      this.read(text.length);
      this.#last = { text, plain: this.#original(text) };
    }
    return this.#last.plain;
  }

  /** Room for one more value of the conversation, of some characters. */
  give(characters: number): void {
    const more = STEPS_PER_VALUE + STEPS_PER_CHARACTER * characters;
    this.#limit = Math.min(MAX_STEPS, this.#limit + more);
  }

  spend(steps: number): void {
    this.#steps += steps;
    if (this.#steps > this.#limit) throw new Refusal(`took more than ${this.#limit} steps`);
  }

  /** Looks at so many characters. */
  read(characters: number): void {
    this.spend(1 + characters / CHARACTERS_PER_STEP);
  }

  /** Makes a text of so many characters. */
  write(characters: number): void {
    if (!(characters <= this.maxLength)) {
      throw new Refusal(`made a text of more than ${this.maxLength} characters`);
    }
    this.read(characters);
  }

  /** Does something one level deeper. */
  within<T>(work: () => T): T {
    this.enter();
    const result = work();
    this.leave();
    return result;
  }

  /** One level deeper; nothing that throws goes on, so that the way back need not be certain. */
  enter(): void {
    this.spend(1);
    if (++this.#depth > MAX_DEPTH) throw new Refusal(`nests more than ${MAX_DEPTH} levels`);
  }

  leave(): void {
    this.#depth--;
  }
}
