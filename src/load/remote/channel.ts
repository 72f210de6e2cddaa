import { type CrossingError, ErrorCrossing } from './crossing-errors.ts';

/** What one side may be asked: by the kind, what is asked and what the answer is. */
export type Asks<T> = {
  readonly [Kind in keyof T]: { readonly ask: unknown; readonly answer: unknown };
};

/** An answer with memory that the other side may keep, since this side needs it no more. */
export class Moved<T> {
  readonly answer: T;
  readonly transfer: readonly Transferable[];

  constructor(answer: T, transfer: readonly Transferable[]) {
    this.answer = answer;
    this.transfer = transfer;
  }
}

/** What answers; the signal aborts when the other side wants no answer any more. */
export type Answers<T extends Asks<T>> = {
  readonly [Kind in keyof T]: (
    ask: T[Kind]['ask'],
    signal: AbortSignal,
  ) => Answer<T[Kind]['answer']> | Promise<Answer<T[Kind]['answer']>>;
};

type Answer<T> = T | Moved<T>;

/** How something is asked. */
export interface How {
  /** Memory that the other side may keep. */
  readonly transfer?: readonly Transferable[];
  /** Tells the other side that no answer is wanted any more; it answers nevertheless. */
  readonly signal?: AbortSignal | undefined;
}

/** What crosses. */
type Message =
  | { readonly kind: PropertyKey; readonly ask: unknown; readonly id?: number }
  | { readonly answered: number; readonly answer: unknown }
  | { readonly answered: number; readonly error: CrossingError }
  | { readonly aborted: number };

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: unknown): void;
}

/** Sends a message to the other side. */
export type Post = (message: unknown, transfer?: readonly Transferable[]) => void;

/**
 * One end of a border between threads: asks the other side and answers it. Messages arrive in the
 * order in which they were sent.
 */
export class Channel<Ours extends Asks<Ours>, Theirs extends Asks<Theirs>> {
  /** Called when the first answer is waited for, and when none is any more. */
  onWaiting: (isWaiting: boolean) => void = () => {};
  readonly #post: Post;
  readonly #answers: Answers<Ours>;
  readonly #errors = new ErrorCrossing();
  readonly #waiting = new Map<number, Waiting>();
  readonly #answering = new Map<number, AbortController>();
  #next = 0;
  #end: { readonly error: unknown } | undefined;

  constructor(post: Post, answers: Answers<Ours>) {
    this.#post = post;
    this.#answers = answers;
  }

  /** @throws what answering throws; what the channel was ended with; what cannot be sent */
  async ask<Kind extends keyof Theirs>(
    kind: Kind,
    ask: Theirs[Kind]['ask'],
    { transfer, signal }: How = {},
  ): Promise<Theirs[Kind]['answer']> {
    this.checkOpen();
    const id = this.#next++;
    const abort = (): void => this.#send({ aborted: id });
    this.#send({ kind, ask, id }, transfer);
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort);
    if (this.#waiting.size === 0) this.onWaiting(true);
    try {
      return await new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  /** Asks for something that needs no answer; whoever answers keeps what goes wrong to itself. */
  tell<Kind extends keyof Theirs>(
    kind: Kind,
    ask: Theirs[Kind]['ask'],
    transfer?: readonly Transferable[],
  ): void {
    if (this.#end === undefined) this.#send({ kind, ask }, transfer);
  }

  /** Takes a message of the other side. */
  receive(message: unknown): void {
    const known = message as Message;
    if ('kind' in known) void this.#answer(known);
    else if ('aborted' in known) this.#answering.get(known.aborted)?.abort();
    else this.#settle(known);
  }

  /** @throws what it was ended with */
  checkOpen(): void {
    if (this.#end !== undefined) throw this.#end.error;
  }

  /** Rejects what waits, and whatever is asked from now on; the first error counts. */
  end(error: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = { error };
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    if (waiting.length > 0) this.onWaiting(false);
    for (const { reject } of waiting) reject(error);
    for (const controller of this.#answering.values()) controller.abort(error);
  }

  async #answer({ kind, ask, id }: Extract<Message, { kind: PropertyKey }>): Promise<void> {
    const controller = new AbortController();
    if (id !== undefined) this.#answering.set(id, controller);
    try {
      const given = await this.#answers[kind as keyof Ours](ask, controller.signal);
      if (id === undefined) return;
      const { answer, transfer } = given instanceof Moved ? given : new Moved(given, []);
      this.#send({ answered: id, answer }, transfer);
    } catch (error) {
      if (id !== undefined) this.#send({ answered: id, error: this.#errors.pack(error) });
    } finally {
      if (id !== undefined) this.#answering.delete(id);
    }
  }

  #settle(message: Exclude<Message, { kind: PropertyKey } | { aborted: number }>): void {
    const waiting = this.#waiting.get(message.answered);
    if (waiting === undefined) return;
    this.#waiting.delete(message.answered);
    if (this.#waiting.size === 0) this.onWaiting(false);
    if ('error' in message) waiting.reject(this.#errors.unpack(message.error));
    else waiting.resolve(message.answer);
  }

  #send(message: Message, transfer?: readonly Transferable[]): void {
    this.#post(message, transfer);
  }
}
