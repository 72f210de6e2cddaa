import { checkInteger, mismatch } from '../base/arguments.ts';
import {
  checkText,
  conversationOf,
  missingTokenizer,
  readIds,
  textPieces,
} from '../text/prompt.ts';
import type { Context } from './context.ts';
import type { GenerationTask } from './generation.ts';
import { resolveOptions, type GenerateOptions } from './options.ts';
import { SamplingMemory } from './sampling.ts';
import type { SessionHost } from './session-host.ts';

/**
 * What a generation is to do, with nothing read or computed yet.
 *
 * @param owner the session
 * @throws TypeError, RangeError, TpaError as `session.generate`
 */
export function generationTask(
  host: SessionHost,
  context: Context,
  owner: object,
  prompt: unknown,
  options: GenerateOptions | undefined,
): GenerationTask {
  const { backend, tokenizer, eosTokenIds, generationDefaults } = host;
  const resolved = resolveOptions(options, generationDefaults);
  const readPrompt = promptReader(host, prompt);
  if (resolved.stop.length > 0) checkText('', tokenizer, backend.contextLength);
  const { stopTokens } = resolved;
  for (const [i, id] of stopTokens.entries())
    checkInteger(`stopTokens[${i}]`, id, 0, backend.vocabSize - 1);
  context.checkFree();
  if (resolved.seed === 'continue' && context.random === undefined) {
    const expected = 'an integer where no generation of the session came before';
    throw new RangeError(`"seed" expected ${expected}, got "continue"`);
  }
  return {
    context,
    owner,
    tokenizer,
    ends: new Set([...eosTokenIds, ...stopTokens]),
    candidates: Math.min(backend.vocabSize, tokenizer?.vocabSize ?? Infinity),
    vocabSize: backend.vocabSize,
    sampling: host.sampling ?? new SamplingMemory(),
    options: resolved,
    readPrompt,
    isWhole: conversationOf(prompt) !== undefined,
  };
}

/**
 * What reads a prompt, once it is asked for tokens.
 *
 * @throws TypeError, RangeError, TpaError as `session.generate`
 */
export function promptReader(host: SessionHost, prompt: unknown): GenerationTask['readPrompt'] {
  const { backend, tokenizer, chat } = host;
  if (typeof prompt === 'string') {
    const encoder = checkText(prompt, tokenizer, backend.contextLength);
    return (before) => textPieces(encoder, prompt, before);
  }
  const conversation = conversationOf(prompt);
  if (conversation !== undefined) {
    if (chat === undefined) throw missingTokenizer();
    return chat.begin(conversation, backend.contextLength);
  }
  if (typeof prompt !== 'object' || prompt === null) {
    throw new TypeError(mismatch('prompt', 'a string, token ids or messages', prompt));
  }
  const ids = readIds('prompt', prompt, backend);
  return () => [ids];
}
