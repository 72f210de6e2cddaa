import type { CharacterSet } from './character-sets.ts';

/** What a character belongs to: 1 at the number of each set that has it; all 0 outside of the text. */
export type Membership = Uint8Array;

/** Whether a place in the text is the one looked for, by the characters on either side of it. */
export type Condition = (before: Membership, after: Membership) => boolean;

/** A pattern's structure; sets of characters are named by their numbers. */
export type PatternNode =
  | { readonly kind: 'set'; readonly set: number }
  | { readonly kind: 'place'; readonly holds: Condition }
  | { readonly kind: 'look'; readonly body: PatternNode; readonly isWanted: boolean }
  | { readonly kind: 'sequence'; readonly parts: readonly PatternNode[] }
  | { readonly kind: 'choice'; readonly parts: readonly PatternNode[] }
  | {
      readonly kind: 'repeat';
      readonly body: PatternNode;
      readonly min: number;
      readonly max: number;
      readonly isGreedy: boolean;
    };

export interface ParsedPattern {
  readonly root: PatternNode;
  readonly sets: readonly CharacterSet[];
  /** Whether a place depends on the character before it. */
  readonly looksBehind: boolean;
}

/** The number of the set that has every character. */
export const ANY = 0;
