import { type Automaton, ENDS, FAILS, OUTSIDE, type State } from './automaton.ts';

/** UTF-16 units `start … end - 1` of a text. */
export interface Match {
  readonly start: number;
  readonly end: number;
}

/** Places whose states are kept at once: 128 KB of references, however long the text is. */
const BLOCK = 16384;

/**
 * One text on its way through an automaton. It is read backwards once, keeping a state for each
 * block, and each block once more when a match is looked for in it.
 */
export class TextScan {
  readonly text: string;
  readonly #automaton: Automaton;
  /** The state behind each block. */
  readonly #behind: State[] = [];
  /** The states of the places of one block. */
  readonly #states: State[];
  #block = -1;
  /** Blocks that are not read yet. */
  #unread: number;
  /** A search that paused: from where, where its match begins, and how far it has come. */
  #from = -1;
  #start = 0;
  #end = 0;
  #entry = 0;

  constructor(automaton: Automaton, text: string) {
    this.#automaton = automaton;
    this.text = text;
    this.#states = Array<State>(Math.min(BLOCK, text.length + 1)).fill(automaton.dead);
    this.#unread = Math.floor(text.length / BLOCK) + 1;
    this.#behind[this.#unread - 1] = automaton.dead;
  }

  /** As {@link Scan} says; reads or walks through a block at most. */
  find(from: number): Match | 'paused' | undefined {
    if (this.#unread > 0) {
      const block = --this.#unread;
      const state = this.#fill(block);
      if (block > 0) {
        this.#behind[block - 1] = state;
        return 'paused';
      }
    }
    const { length } = this.text;
    const isResumed = from === this.#from;
    let start = isResumed ? this.#start : from;
    let end = isResumed ? this.#end : from;
    let entry = isResumed ? this.#entry : 0;
    for (let budget = BLOCK; budget > 0 && start <= length; budget--) {
      const next = this.#stateAt(end).choices[entry]!;
      if (next === ENDS) return { start, end };
      end += widthAt(this.text, end);
      entry = next;
      if (next === FAILS) {
        start = end;
        entry = 0;
      }
    }
    this.#from = from;
    this.#start = start;
    this.#end = end;
    this.#entry = entry;
    return start <= length ? 'paused' : undefined;
  }

  #stateAt(place: number): State {
    const block = Math.floor(place / BLOCK);
    if (block !== this.#block) this.#fill(block);
    return this.#states[place % BLOCK]!;
  }

  /** Finds the states of a block's places, from the last to the first, which it gives. */
  #fill(block: number): State {
    const automaton = this.#automaton;
    const { looksBehind } = automaton;
    const states = this.#states;
    const start = block * BLOCK;
    let place = this.text.length;
    let after = OUTSIDE;
    if (start + BLOCK <= place) {
      place = start + BLOCK;
      if (this.#codeBefore(place + 1) > 0xffff) place++; // that place is inside of a pair
      const code = this.#codeBefore(place);
      place -= widthOf(code);
      after = automaton.kindOf(code);
    }
    let state = this.#behind[block]!;
    while (place >= start) {
      const code = this.#codeBefore(place);
      const before = place === 0 ? OUTSIDE : automaton.kindOf(code);
      state = automaton.previous(state, looksBehind ? before : OUTSIDE, after);
      states[place - start] = state;
      place -= widthOf(code);
      after = before;
    }
    this.#block = block;
    return state;
  }

  /** The character that ends at a place; 0 at the start of the text. */
  #codeBefore(place: number): number {
    const unit = this.text.charCodeAt(place - 1);
    if ((unit & 0xfc00) !== 0xdc00) return unit;
    const pair = this.text.codePointAt(place - 2) ?? 0;
    return pair > 0xffff ? pair : unit;
  }
}

/** UTF-16 units of the character at a place; 1 at the end of the text. */
export function widthAt(text: string, place: number): number {
  return widthOf(text.codePointAt(place) ?? 0);
}

function widthOf(code: number): number {
  return code > 0xffff ? 2 : 1;
}
