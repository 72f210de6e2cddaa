import { invalidCheckpoint } from '../../format/errors.ts';
import type { PickleValue } from './pickle-values.ts';

/** Values under construction, and the marks between them. */
export class PickleStack {
  readonly #subject: string;
  readonly #values: PickleValue[] = [];
  /** Heights at which a mark was set. */
  readonly #marks: number[] = [];

  constructor(subject: string) {
    this.#subject = subject;
  }

  /** The value that came last. */
  get top(): PickleValue | undefined {
    return this.#values.at(-1);
  }

  /** Values and marks. */
  get size(): number {
    return this.#values.length + this.#marks.length;
  }

  /** @returns true, for the opcode is done */
  push(value: PickleValue): true {
    this.#values.push(value);
    return true;
  }

  /** @returns true, for the opcode is done */
  mark(): true {
    this.#marks.push(this.#values.length);
    return true;
  }

  pop(): PickleValue {
    return this.popMany(1)[0]!;
  }

  /** @throws TpaError `CHECKPOINT_INVALID` where there are fewer above the last mark */
  popMany(count: number): PickleValue[] {
    if (this.#values.length - count < (this.#marks.at(-1) ?? 0)) {
      throw invalidCheckpoint(this.#subject, `${count} values on the stack`, 'fewer');
    }
    return this.#values.splice(this.#values.length - count);
  }

  /** What was put since the last mark, which goes. @throws TpaError `CHECKPOINT_INVALID` */
  popMarked(): PickleValue[] {
    const mark = this.#marks.pop();
    if (mark !== undefined) return this.#values.splice(mark);
    throw invalidCheckpoint(this.#subject, 'a mark on the stack', 'none');
  }
}
