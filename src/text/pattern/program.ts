import { refusedPattern } from './cursor.ts';
import type { Condition, ParsedPattern, PatternNode } from './syntax.ts';

/** One step of a program; steps are named by their numbers. */
export type Step =
  /** Takes a character of a set. */
  | { readonly kind: 'take'; readonly set: number; readonly next: number }
  /** Goes on if the place is right. */
  | { readonly kind: 'check'; readonly holds: Condition; readonly next: number }
  /** Goes on if a match can be had from another step on, or if none can. */
  | {
      readonly kind: 'look';
      readonly ahead: number;
      readonly isWanted: boolean;
      readonly next: number;
    }
  /** Goes on at the first if a match can be had there, else at the second. */
  | { readonly kind: 'prefer'; readonly next: number; readonly other: number }
  | { readonly kind: 'match' };

type Repetition = PatternNode & { kind: 'repeat' };

export interface Program {
  readonly steps: readonly Step[];
  readonly start: number;
  /** Every step behind those that it leads to without taking a character. */
  readonly order: readonly number[];
}

/**
 * Most steps: the longest published pattern has 91, and a text takes time in proportion to them
 * where no state of the automaton comes twice.
 */
const MAX_STEPS = 192;

/** @throws TpaError `TOKENIZER_INVALID` where the program would be too long, or might not end */
export function compileProgram({ root }: ParsedPattern): Program {
  const steps: Step[] = [{ kind: 'match' }];
  const start = compile(root, 0);
  return { steps, start, order: inOrder(steps) };

  function add(step: Step): number {
    if (steps.length >= MAX_STEPS) {
      throw refusedPattern(`its repetitions written out are more than ${MAX_STEPS} steps`);
    }
    return steps.push(step) - 1;
  }

  /** The steps of a part that leads to another step, from the last to the first. */
  function compile(node: PatternNode, next: number): number {
    switch (node.kind) {
      case 'set':
        return add({ kind: 'take', set: node.set, next });
      case 'place':
        return add({ kind: 'check', holds: node.holds, next });
      case 'look': {
        const { isWanted } = node;
        return add({ kind: 'look', ahead: compile(node.body, 0), isWanted, next });
      }
      case 'sequence':
        return node.parts.reduceRight((after, part) => compile(part, after), next);
      case 'choice':
        return node.parts
          .map((part) => compile(part, next))
          .reduceRight((other, first) => add({ kind: 'prefer', next: first, other }));
      case 'repeat':
        return repeat(node, next);
    }
  }

  function repeat({ body, min, max, isGreedy }: Repetition, end: number): number {
    // A step must not lead to itself without a character, and Oniguruma itself gives up on some.
    if (max > 1 && mayBeEmpty(body)) throw refusedPattern('it repeats what may be empty');
    let entry = end;
    let left = min;
    if (max === Infinity) {
      const again = add({ kind: 'match' }); // becomes the choice between a round and the end
      const round = compile(body, again);
      steps[again] = choice(round, end, isGreedy);
      entry = again;
      if (left > 0) {
        entry = round;
        left--;
      }
    } else {
      for (let i = min; i < max; i++) entry = add(choice(compile(body, entry), end, isGreedy));
    }
    for (; left > 0; left--) entry = compile(body, entry);
    return entry;
  }
}

function choice(round: number, end: number, isGreedy: boolean): Step {
  const [next, other] = isGreedy ? [round, end] : [end, round];
  return { kind: 'prefer', next, other };
}

function mayBeEmpty(node: PatternNode): boolean {
  switch (node.kind) {
    case 'set':
      return false;
    case 'place':
    case 'look':
      return true;
    case 'sequence':
      return node.parts.every(mayBeEmpty);
    case 'choice':
      return node.parts.some(mayBeEmpty);
    case 'repeat':
      return node.min === 0 || mayBeEmpty(node.body);
  }
}

function inOrder(steps: readonly Step[]): number[] {
  const order: number[] = [];
  const isDone = new Uint8Array(steps.length);
  function visit(at: number): void {
    if (isDone[at]) return;
    isDone[at] = 1;
    const step = steps[at]!;
    if (step.kind !== 'take' && step.kind !== 'match') visit(step.next);
    if (step.kind === 'prefer') visit(step.other);
    if (step.kind === 'look') visit(step.ahead);
    order.push(at);
  }
  for (const at of steps.keys()) visit(at);
  return order;
}
