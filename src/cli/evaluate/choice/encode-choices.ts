import type { TextTokenizer } from '../../../index.ts';
import { tokenize } from '../tokenize.ts';
import { endOf } from './python-text.ts';
import { BadQuestion } from './question.ts';

/** A choice as a model sees it. */
export interface EncodedChoice {
  /** At least one. */
  readonly context: Uint32Array;
  /** At least one. */
  readonly continuation: Uint32Array;
}

/** What text becomes ids with. */
export interface ChoiceTokens {
  readonly tokenizer: TextTokenizer;
  /** Stands before a choice that has nothing else before it: EOS, where texts begin with no BOS. */
  readonly prefixId: number | undefined;
}

/**
 * Ids of texts after a context, as lm-evaluation-harness cuts them: context and text are encoded as
 * one, and the context ends where it would alone. White space at its end goes to the texts, since
 * most vocabularies have tokens that begin with a space.
 *
 * @throws BadQuestion for a text without a token; as `tokenize`
 */
export async function encodeChoices(
  { tokenizer, prefixId }: ChoiceTokens,
  context: string,
  texts: readonly string[],
  signal: AbortSignal,
): Promise<EncodedChoice[]> {
  const { startIds } = tokenizer;
  const encode = async (text: string): Promise<Uint32Array> =>
    Uint32Array.from([...startIds, ...(await tokenize(tokenizer, text, false, signal))]);
  const end = endOf(context);
  const alone = await encode(context.slice(0, end));
  const before = alone.length > 0 || prefixId === undefined ? alone : Uint32Array.of(prefixId);
  if (before.length === 0) {
    throw new BadQuestion('its context is empty, and the model has no token to begin a text with');
  }
  const encoded: EncodedChoice[] = [];
  for (const [i, text] of texts.entries()) {
    const whole = await encode(context + text);
    const continuation = whole.subarray(alone.length);
    if (continuation.length === 0) throw new BadQuestion(`choice ${i + 1} has no token`);
    encoded.push({ context: before, continuation });
  }
  return encoded;
}
