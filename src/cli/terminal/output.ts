import { stripVTControlCharacters } from 'node:util';
import type { Output } from './host.ts';

/** C0 but tab and newline, delete, C1: alone they can still move the cursor or start an escape. */
const CONTROLS = /(?![\t\n])\p{Cc}/gu;

/**
 * Text that cannot steer a terminal: no escape sequences, no control characters but tab and
 * newline. A sequence split over two calls is disarmed too, since its ESC is gone.
 */
export function withoutControls(text: string): string {
  return stripVTControlCharacters(text).replace(CONTROLS, '');
}

/** Writes text from a model, a file or the command line: disarmed on a terminal, else as it is. */
export function print(output: Output, text: string): void {
  output.write(output.isTTY ? withoutControls(text) : text);
}

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
