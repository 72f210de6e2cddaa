import type { Conversation, GenerateOptions, Generation, Session } from '../index.ts';
import { optionName } from './arguments.ts';
import { integer, number, type OptionValues, texts } from './command-spec.ts';
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
  stop: texts('TEXT', { about: 'end before this text; may be given several times' }),
};

/** Those of a command's values that are options of sampling. */
export function samplingOf(values: OptionValues<typeof SAMPLING_OPTIONS>): GenerateOptions {
  const chosen = Object.entries(values).filter(([key]) => Object.hasOwn(SAMPLING_OPTIONS, key));
  return Object.fromEntries(chosen);
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
        (_, key: string) => `"--${optionName(key)}"`,
      );
      throw new UsageError(named, { cause: error });
    }
    throw error;
  }
}
