import type { Output } from './host.ts';
import { print } from './terminal.ts';

/** Text that arrives in pieces and ends with a line break. */
export class Transcript {
  readonly #output: Output;
  #last = '';

  constructor(output: Output) {
    this.#output = output;
  }

  /** Writes a piece; a pipe holds far more than a context of text, so nothing waits for it. */
  add(piece: string): void {
    if (piece === '') return;
    print(this.#output, piece);
    this.#last = piece;
  }

  /** Ends the line, if there is one. */
  end(): void {
    if (this.#last !== '' && !this.#last.endsWith('\n')) this.#output.write('\n');
    this.#last = '';
  }
}
