import { MAX_THREADS } from './program.ts';

/*
 * What the threads of a pool share besides the memory of the kernels: words that all of them see
 * change, and two programs, the one that runs and the one before it.
 */

/** Operations of a program that threads take part in; models of 100 layers have 2,500. */
export const MAX_OPERATIONS = 1 << 13;
/** Numbers of such a program: 32 an operation, of which most take 20. */
export const MAX_WORDS = MAX_OPERATIONS * 32;

/** Words apart that different threads write: a cache line. */
const LINE = 16;

/** The number of the program: odd while it runs. */
export const EPOCH = 0;
/** Threads that sleep until there is a program. */
export const IDLE = LINE;
/** Threads that sleep until an operation has ended. */
export const WAITING = 2 * LINE;
/** Lanes that take part. */
export const LANES = 3 * LINE;
/** Operations of either program. */
export const COUNTS = 4 * LINE;
/** Multiply-adds that are worth a claim. */
export const CLAIM_COST = 6 * LINE;
/** The program in which a kernel trapped. */
export const TRAPPED = 5 * LINE;
/** For each lane the program that it is in, or 0. */
export const INSIDE = 7 * LINE;

const CONTROL_WORDS = INSIDE + MAX_THREADS * LINE;
const COUNTER_WORDS = MAX_OPERATIONS * LINE;
const PROGRAM_BYTES = COUNTER_WORDS * 4 + MAX_WORDS * 8;

/** A program in shared memory. */
export interface SharedProgram {
  /** Of each operation, a line apart: units claimed, units done. */
  readonly counters: Int32Array;
  readonly words: Float64Array;
}

/** The words and programs of a pool. */
export class Control {
  readonly buffer: SharedArrayBuffer;
  readonly words: Int32Array;
  readonly #programs: readonly SharedProgram[];

  /** @param buffer what another thread made */
  constructor(buffer = new SharedArrayBuffer(CONTROL_WORDS * 4 + 2 * PROGRAM_BYTES)) {
    this.buffer = buffer;
    this.words = new Int32Array(buffer, 0, CONTROL_WORDS);
    this.#programs = [0, 1].map((i) => {
      const at = CONTROL_WORDS * 4 + i * PROGRAM_BYTES;
      return {
        counters: new Int32Array(buffer, at, COUNTER_WORDS),
        words: new Float64Array(buffer, at + COUNTER_WORDS * 4, MAX_WORDS),
      };
    });
  }

  /** Which of the two programs an epoch runs. */
  static area(epoch: number): 0 | 1 {
    return ((epoch >> 1) & 1) as 0 | 1;
  }

  program(epoch: number): SharedProgram {
    return this.#programs[Control.area(epoch)]!;
  }

  count(epoch: number): number {
    return Atomics.load(this.words, COUNTS + Control.area(epoch));
  }

  /** Whether a program still runs. */
  isOpen(epoch: number): boolean {
    return Atomics.load(this.words, EPOCH) === epoch;
  }
}

/** Word of the program that a lane is in. */
export function insideWord(lane: number): number {
  return INSIDE + lane * LINE;
}

/** Word that is 1 once the thread of a lane is to leave. */
export function leavingWord(lane: number): number {
  return insideWord(lane) + 1;
}

/** Counter of the units of an operation that are claimed; the next one counts those done. */
export function claimedCounter(operation: number): number {
  return operation * LINE;
}
