import type { IncomingSequence, Sequence } from '../../../backend/backend.ts';
import type { ModelLink } from './model-link.ts';

/** A sequence on its way into a worker. Where the worker has no memory for it, its first call rejects. */
export class RemoteIncoming<S extends Sequence> implements IncomingSequence<S> {
  readonly #link: ModelLink;
  readonly #number: number;
  readonly #become: () => S;
  /** Memory that a piece went in: a fresh array for each is garbage, and engines collect buffers late. */
  #spare: Uint8Array<ArrayBuffer> | undefined;
  #isTaken = false;

  /** @param become makes the sequence, once the worker has it */
  constructor(link: ModelLink, number: number, become: () => S) {
    this.#link = link;
    this.#number = number;
    this.#become = become;
  }

  async write(given: Uint8Array, crc: number): Promise<void> {
    const fits = this.#spare?.byteLength === given.byteLength;
    const piece = fits ? this.#spare! : new Uint8Array(given.byteLength);
    piece.set(given); // the reader goes on to use its own
    const ask = { sequence: this.#number, piece, crc };
    const transfer = [piece.buffer];
    const { piece: spare, ...state } = await this.#link.channel.ask('loadPiece', ask, { transfer });
    this.#spare = spare;
    this.#link.update(state);
  }

  async end(): Promise<S> {
    await this.#link.channel.ask('received', { sequence: this.#number });
    this.#isTaken = true;
    return this.#become();
  }

  dispose(): void {
    if (this.#isTaken) return;
    this.#isTaken = true;
    this.#link.channel.tell('dispose', { sequence: this.#number });
  }
}
