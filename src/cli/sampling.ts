import type { Conversation, GenerateOptions, Generation, Session } from '../index.ts';
import { optionName } from './arguments.ts';
import { integer, number, type OptionValues, repeated, text } from './command-spec.ts';
import { UsageError } from './exit.ts';

/** Options of every command that generates; they have the names and bounds of the library's. */
export const SAMPLING_OPTIONS = {
  maxTokens: integer({
    short: 'n',
    about: 'tokens to generate at most',
    min: 1,
    fallback: '256',
  }),
  temperature: number({
    short: 't',
    about: '0 takes the likeliest token',
    min: 0,
    fallback: '0.8',
  }),
  topK: integer({ about: 'the N likeliest tokens, 0 all', min: 0, fallback: '0' }),
  topP: number({
    about: 'the likeliest tokens of this joint probability',
    min: 0,
    max: 1,
    fallback: '1',
  }),
  minP: number({ about: 'least share of the likeliest token', min: 0, max: 1, fallback: '0' }),
  repetitionPenalty: number({
    about: 'make tokens already present less likely',
    min: 0.01,
    max: 100,
    fallback: '1',
  }),
  seed: integer({ short: 's', about: 'same seed, same text', min: 0, fallback: 'random' }),
  stop: repeated(text('TEXT', { about: 'end before this text' })),
  stopToken: repeated(integer({ about: 'end at this token id', min: 0 })),
};

/** Those of a command's values that are options of sampling. */
export function samplingOf(values: OptionValues<typeof SAMPLING_OPTIONS>): GenerateOptions {
  const chosen = Object.entries(values).filter(([key]) => Object.hasOwn(SAMPLING_OPTIONS, key));
  return Object.fromEntries(chosen.map(([key, value]) => [LIBRARY_NAMES.get(key) ?? key, value]));
}

/** What the library calls options that are given one at a time here. */
const LIBRARY_NAMES: ReadonlyMap<string, string> = new Map([
  ['stopToken', 'stopTokens'],
  ['templateVar', 'templateVariables'],
]);

/** An option as it is typed. */
function typedName(library: string): string {
  const [key = library] = Array.from(LIBRARY_NAMES).find(([, name]) => name === library) ?? [];
  return optionName(key);
}

/** Help on the defaults of {@link SAMPLING_OPTIONS}. */
export const SAMPLING_NOTE =
  'A model with a generation_config.json has its own defaults, which go before those above.';

/**
 * Begins a generation. What the library refuses here (a stop text too long, say) was on the command
 * line.
 *
 * @throws UsageError, TpaError
 */
export function startGeneration(
  session: Session,
  prompt: string | Conversation,
  options: GenerateOptions,
): Generation {
  try {
    return session.generate(prompt, options);
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) {
      const named = error.message.replace(
        /^"(\w+).*?"/,
        (_, name: string) => `"--${typedName(name)}"`,
      );
      throw new UsageError(named, { cause: error });
    }
    throw error;
  }
}
