import type { CharacterSet } from './character-sets.ts';
import type { Program, Step } from './program.ts';
import type { Membership, ParsedPattern } from './syntax.ts';

/** No match can be had from here. */
export const FAILS = -1;
/** The match ends here. */
export const ENDS = -2;
/** The kind of what is beyond either end of a text. */
export const OUTSIDE = 0;

/**
 * What can be matched from a place of a text on. An entry is a step of the program that a place is
 * entered at: the start, which is entry 0, or one behind a character.
 */
export interface State {
  /** For each entry the one behind the next character of its preferred match, {@link ENDS} or {@link FAILS}. */
  readonly choices: Int16Array;
  /** The states one character before, by the kinds of what is around that place. */
  previous: State[];
}

/** More than the sets of a pattern tell apart. */
const MAX_KINDS = 65536;

/** Bounds what a hostile pattern keeps to some 2 MB; published patterns have under 60. */
const MAX_STATES = 512;

/**
 * A deterministic automaton that reads backwards, made state by state as texts need it. From the
 * states of all places the preferred match is then read off forwards, never going back.
 */
export class Automaton {
  readonly looksBehind: boolean;
  readonly dead: State;
  readonly #steps: readonly Step[];
  readonly #order: readonly number[];
  readonly #entries: readonly number[];
  /** The entry behind each step that takes a character. */
  readonly #entryBehind: Int16Array;
  /** What each step comes to at one place: scratch. */
  readonly #reached: Int16Array;
  readonly #sets: readonly CharacterSet[];
  readonly #kinds = new Map<string, number>();
  readonly #memberships: Membership[] = [];
  /** The kind of each character, OUTSIDE where not known yet, in pages of 256 characters. */
  readonly #pages: Uint16Array[] = [];
  readonly #states = new Map<string, State>();

  constructor({ steps, start, order }: Program, { sets, looksBehind }: ParsedPattern) {
    this.#steps = steps;
    this.#order = order;
    const behind = steps.flatMap((step) => (step.kind === 'take' ? [step.next] : []));
    this.#entries = [...new Set([start, ...behind])];
    const entryOf = new Map(this.#entries.map((step, entry) => [step, entry]));
    this.#entryBehind = Int16Array.from(steps, (step) =>
      step.kind === 'take' ? entryOf.get(step.next)! : FAILS,
    );
    this.#reached = new Int16Array(steps.length);
    this.#sets = sets;
    this.looksBehind = looksBehind;
    this.#memberships.push(new Uint8Array(sets.length));
    this.dead = { choices: new Int16Array(this.#entries.length).fill(FAILS), previous: [] };
  }

  /** The number of all characters that the pattern's sets do not tell apart. */
  kindOf(code: number): number {
    const page = (this.#pages[code >> 8] ??= new Uint16Array(256));
    return page[code & 255] || (page[code & 255] = this.#newKind(code));
  }

  #newKind(code: number): number {
    const sets = this.#sets;
    const membership = new Uint8Array(sets.length);
    for (let i = 0; i < sets.length; i++) if (sets[i]!(code)) membership[i] = 1;
    const key = keyOf(membership);
    const kind = this.#kinds.get(key) ?? this.#memberships.length;
    if (kind === this.#memberships.length) this.#memberships.push(membership);
    this.#kinds.set(key, kind);
    return kind;
  }

  /**
   * The state of a place, by the state behind the character that follows it.
   *
   * @param before kind of the character before the place, {@link OUTSIDE} where none looks behind
   * @param after kind of the character after it
   */
  previous(state: State, before: number, after: number): State {
    return (state.previous[before * MAX_KINDS + after] ??= this.#compute(state, before, after));
  }

  #compute(state: State, before: number, after: number): State {
    const ahead = this.#memberships[after]!;
    const reached = this.#reached;
    for (const at of this.#order) {
      const step = this.#steps[at]!;
      let result = FAILS;
      if (step.kind === 'match') result = ENDS;
      else if (step.kind === 'take') {
        const entry = this.#entryBehind[at]!;
        if (ahead[step.set] === 1 && state.choices[entry] !== FAILS) result = entry;
      } else if (step.kind === 'check') {
        if (step.holds(this.#memberships[before]!, ahead)) result = reached[step.next]!;
      } else if (step.kind === 'look') {
        if ((reached[step.ahead] !== FAILS) === step.isWanted) result = reached[step.next]!;
      } else {
        result = reached[step.next]!;
        if (result === FAILS) result = reached[step.other]!;
      }
      reached[at] = result;
    }
    const entries = this.#entries;
    const choices = new Int16Array(entries.length);
    for (let i = 0; i < entries.length; i++) choices[i] = reached[entries[i]!]!;
    const key = keyOf(choices);
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    if (this.#states.size >= MAX_STATES) this.#forget();
    const made: State = { choices, previous: [] };
    this.#states.set(key, made);
    return made;
  }

  /** Lets go of all states but those that a scan still holds. */
  #forget(): void {
    for (const state of this.#states.values()) state.previous = [];
    this.#states.clear();
    this.dead.previous = [];
  }
}

/** Small numbers as a key of a Map: ten times as fast as joining their digits. */
function keyOf(numbers: Uint8Array | Int16Array): string {
  return String.fromCharCode.apply(undefined, numbers as unknown as number[]);
}
