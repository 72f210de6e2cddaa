/**
 * How fast one generation is. Only time spent computing counts, so that reading along does not make
 * a model look slow.
 */
export class Timing {
  #first = 0;
  #others = 0;
  #tokens = 0;

  /** One more token, which took this long. */
  add(milliseconds) {
    this.#tokens += 1;
    if (this.#tokens === 1) this.#first = milliseconds;
    else this.#others += milliseconds;
  }

  /** Milliseconds from the request to the first token, the prompt's included. */
  get first() {
    return this.#first;
  }

  /** Tokens so far. */
  get tokens() {
    return this.#tokens;
  }

  /** Tokens per second after the first one; 0 before there are two. */
  get speed() {
    return this.#others === 0 ? 0 : ((this.#tokens - 1) / this.#others) * 1000;
  }
}
