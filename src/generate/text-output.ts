import type { TextTokenizer } from '../text/tokenizer.ts';
import { type Filtered, StopFilter } from './stop.ts';
import { TextStream } from './text-stream.ts';

/** What of the tokens of a generation is shown; a module of its own, which ids alone do not need. */
export class TextOutput {
  readonly #stream: TextStream;
  readonly #filter: StopFilter;

  /** @param before ids that the text follows */
  constructor(tokenizer: TextTokenizer, stops: readonly string[], before: readonly number[]) {
    this.#stream = new TextStream(tokenizer, before);
    this.#filter = new StopFilter(stops, tokenizer.specialTokens);
  }

  /** Adds a token; one that ends the generation has no text. */
  push(id: number, isEnd: boolean): Filtered {
    const text = isEnd ? '' : this.#stream.push(id);
    return this.#filter.push(text + this.#filter.markOf(id));
  }

  /** What was held back, once nothing follows. */
  flush(): Filtered {
    const { text, isStopped } = this.#filter.push(this.#stream.flush());
    return { text: text + this.#filter.flush(), isStopped };
  }
}
