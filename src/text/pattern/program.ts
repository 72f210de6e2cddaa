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

export interface Program {
  readonly steps: readonly Step[];
  readonly start: number;
  /** Every step behind those that it leads to without taking a character. */
  readonly order: readonly number[];
}

/**
 * Most steps: the longest published pattern has under 100, and a text takes time in proportion to
 * them where no state of the automaton comes twice.
 */
const MAX_STEPS = 1024;

/**
 * Where a part leads: by whether the loop around it has taken a character in this round. A round
 * that has taken none leaves the loop, so that no step leads to itself without a character.
 */
interface Next {
  readonly still: number;
  readonly moved: number;
}

/** @throws TpaError `TOKENIZER_INVALID` where the program would be too long */
export function compileProgram({ root }: ParsedPattern): Program {
  const steps: Step[] = [{ kind: 'match' }];
  const { still: start } = compile(root, { still: 0, moved: 0 });
  return { steps, start, order: inOrder(steps) };

  function add(step: Step): number {
    if (steps.length >= MAX_STEPS) {
      throw refusedPattern(`its repetitions written out are more than ${MAX_STEPS} steps`);
    }
    return steps.push(step) - 1;
  }

  /** Adds a step for each way to arrive. */
  function each(next: Next, make: (next: number) => Step): Next {
    const still = add(make(next.still));
    return { still, moved: next.moved === next.still ? still : add(make(next.moved)) };
  }

  function prefer(first: Next, second: Next): Next {
    const still = add({ kind: 'prefer', next: first.still, other: second.still });
    const isSame = first.moved === first.still && second.moved === second.still;
    if (isSame) return { still, moved: still };
    return { still, moved: add({ kind: 'prefer', next: first.moved, other: second.moved }) };
  }

  /** The steps of a part, from the last to the first. */
  function compile(node: PatternNode, next: Next): Next {
    switch (node.kind) {
      case 'set': {
        const taken = add({ kind: 'take', set: node.set, next: next.moved });
        return { still: taken, moved: taken };
      }
      case 'place':
        return each(next, (to) => ({ kind: 'check', holds: node.holds, next: to }));
      case 'look': {
        const { isWanted } = node;
        const { still: ahead } = compile(node.body, { still: 0, moved: 0 });
        return each(next, (to) => ({ kind: 'look', ahead, isWanted, next: to }));
      }
      case 'sequence':
        return node.parts.reduceRight((after, part) => compile(part, after), next);
      case 'choice':
        return node.parts.map((part) => compile(part, next)).reduceRight((b, a) => prefer(a, b));
      case 'repeat':
        return repeat(node, next);
    }
  }

  function repeat(node: PatternNode & { kind: 'repeat' }, next: Next): Next {
    const { body, min, max, isGreedy } = node;
    // Oniguruma gives up on some of these that a match exists for.
    if (min > 1 && mayBeEmpty(body)) throw refusedPattern('it counts what may be empty');
    let all = next;
    if (max === Infinity) all = loop(node, next);
    else {
      for (let i = min; i < max; i++) {
        const one = compile(body, all);
        all = isGreedy ? prefer(one, next) : prefer(next, one);
      }
    }
    const before = max === Infinity && min > 0 ? min - 1 : min;
    for (let i = 0; i < before; i++) all = compile(body, all);
    return all;
  }

  /** `body*`, or `body+` where there is a minimum. */
  function loop({ body, min, isGreedy }: PatternNode & { kind: 'repeat' }, next: Next): Next {
    const again = add({ kind: 'match' }); // becomes the choice between a round and the end
    const round = compile(body, { still: next.moved, moved: again });
    steps[again] = isGreedy
      ? { kind: 'prefer', next: round.still, other: next.moved }
      : { kind: 'prefer', next: next.moved, other: round.still };
    const moved = min > 0 ? round.still : again;
    if (next.still === next.moved) return { still: moved, moved };
    const first = mayBeEmpty(body) ? compile(body, { still: next.still, moved: again }) : round;
    if (min > 0) return { still: first.still, moved };
    const [to, other] = isGreedy ? [first.still, next.still] : [next.still, first.still];
    return { still: add({ kind: 'prefer', next: to, other }), moved };
  }
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
