import { invalid, type JsonObject, readCharacter, readChoice, readFlag } from '../fields.ts';

/** What stands for spaces, and which pieces get one before them. */
export interface Metaspace {
  readonly space: string;
  readonly scheme: 'always' | 'first' | 'never';
}

/** @throws TpaError `TOKENIZER_INVALID` */
export function readMetaspace(step: JsonObject): Metaspace {
  const space = readCharacter(step, 'replacement', '\u2581');
  const isOld = readFlag(step, 'add_prefix_space', true) === false;
  const schemes = ['always', 'first', 'never'] as const;
  const scheme = readChoice(step, 'prepend_scheme', schemes, isOld ? 'never' : 'always');
  if (isOld && scheme !== 'never') {
    throw invalid('"Metaspace.prepend_scheme" expected "never" where it adds no prefix space');
  }
  return { space, scheme };
}
