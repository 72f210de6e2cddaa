import type { Kernels } from '../wasm/kernels.ts';
import {
  CLAIM_COST,
  claimedCounter,
  Control,
  EPOCH,
  IDLE,
  insideWord,
  LANES,
  leavingWord,
  type SharedProgram,
  TRAPPED,
  WAITING,
} from './control.ts';
import { nextAt, rangeAt, runRange, unitsAt } from './program.ts';

/** Loads before a thread sleeps, about 0.1 ms: most waits within a step are shorter. */
const SPINS = 1 << 16;
/** Ranges that each thread would get of what is left. */
const SHARES = 2;
/** In place of the number of a program. */
const LEAVE = 0;
/** A sleep within a program; whoever ends it wakes the sleepers, and a closed program is seen then. */
const NAP_MS = 10;

/**
 * Takes part in every program until it is told to leave. Between programs it sleeps.
 *
 * @param lane 1 …, whose scratch no other thread uses
 * @throws what a kernel throws, after a word has told the one that leads, who computes the program
 *   alone: a thread that throws takes part no more
 */
export function serveThread(kernels: Kernels, control: Control, lane: number): void {
  const { words } = control;
  for (let epoch = 0; ;) {
    epoch = nextProgram(words, epoch, lane);
    if (epoch === LEAVE) return;
    if (lane >= Atomics.load(words, LANES)) continue;
    Atomics.store(words, insideWord(lane), epoch);
    try {
      // closed meanwhile, its numbers may be overwritten
      if (control.isOpen(epoch)) takePart(kernels, control, epoch, lane);
    } catch (error) {
      Atomics.store(words, TRAPPED, epoch);
      throw error;
    } finally {
      Atomics.store(words, insideWord(lane), 0);
    }
  }
}

/** Sleeps until a program runs that is not the last one, or {@link LEAVE}. */
function nextProgram(words: Int32Array, last: number, lane: number): number {
  for (let spins = 0; ; spins++) {
    const epoch = Atomics.load(words, EPOCH);
    if (epoch !== last && epoch % 2 !== 0) return epoch;
    if (spins < SPINS) continue;
    if (Atomics.load(words, leavingWord(lane)) !== 0) return LEAVE;
    Atomics.add(words, IDLE, 1);
    // whoever begins a program after this sees that somebody sleeps
    Atomics.wait(words, EPOCH, epoch);
    Atomics.sub(words, IDLE, 1);
    spins = 0;
  }
}

function takePart(kernels: Kernels, control: Control, epoch: number, lane: number): void {
  const program = control.program(epoch);
  const { counters, words } = program;
  const count = control.count(epoch);
  for (let i = 0, at = 0; i < count; i++, at = nextAt(words, at)) {
    for (;;) {
      const range = claim(control, program, i, at);
      if (range === undefined) break;
      if (!control.isOpen(epoch)) return;
      runRange(kernels, words, at, range[0], range[1], lane);
      tellDone(control, program, i, at, range[1]);
    }
    const units = unitsAt(words, at);
    const done = claimedCounter(i) + 1;
    for (let spins = 0; Atomics.load(counters, done) < units; spins++) {
      if (!control.isOpen(epoch)) return;
      if (spins >= SPINS) nap(control, counters, done, units);
    }
  }
}

/** The first unit and the units of a range that nobody else runs; undefined where none is left. */
export function claim(
  control: Control,
  { counters, words }: SharedProgram,
  operation: number,
  at: number,
): readonly [first: number, count: number] | undefined {
  const units = unitsAt(words, at);
  const counter = claimedCounter(operation);
  const shares = SHARES * control.words[LANES]!;
  for (;;) {
    const first = Atomics.load(counters, counter);
    if (first >= units) return undefined;
    const count = rangeAt(words, at, units - first, shares, control.words[CLAIM_COST]!);
    if (Atomics.compareExchange(counters, counter, first, first + count) === first) {
      return [first, count];
    }
  }
}

/** Counts units of an operation that are done, and wakes whoever waits for the last. */
export function tellDone(
  control: Control,
  { counters, words }: SharedProgram,
  operation: number,
  at: number,
  count: number,
): void {
  const counter = claimedCounter(operation) + 1;
  const done = Atomics.add(counters, counter, count) + count;
  if (done < unitsAt(words, at) || Atomics.load(control.words, WAITING) === 0) return;
  Atomics.notify(counters, counter);
}

/** Sleeps until an operation has ended, or for {@link NAP_MS}. */
export function nap(control: Control, counters: Int32Array, counter: number, units: number): void {
  const { words } = control;
  Atomics.add(words, WAITING, 1);
  const done = Atomics.load(counters, counter);
  if (done < units) Atomics.wait(counters, counter, done, NAP_MS);
  Atomics.sub(words, WAITING, 1);
}
