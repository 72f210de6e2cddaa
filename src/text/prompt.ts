import { TpaError } from '../base/errors.ts';
import type { TextTokenizer } from './tokenizer.ts';
import { checkAttached, checkInteger, mismatch } from '../base/arguments.ts';
import { type Clock, systemClock, yieldMacrotask } from '../base/time.ts';

/** Arrays of numbers that token ids come in. */
export type TokenIds = readonly number[] | NumericArray;

/** Typed arrays whose elements are numbers. */
export type NumericArray =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array;

/**
 * UTF-8 bytes a prompt may have per token of context: English has about 4. A longer text is refused
 * unread, though one of long runs might fit: counting bytes is far cheaper than tokenising them.
 */
export const MAX_BYTES_PER_TOKEN = 32;

/** What of a model bounds a prompt. */
export interface PromptLimits {
  readonly vocabSize: number;
  /** Tokens that a session holds at most. */
  readonly contextLength: number;
}

/**
 * A checked copy of token ids; more than fit an empty context are refused unread.
 *
 * @throws TypeError if it is no array of numbers, RangeError for an id outside 0 … vocabSize - 1;
 *   TpaError `CONTEXT_OVERFLOW`
 */
export function readIds(
  name: string,
  ids: unknown,
  { vocabSize, contextLength }: PromptLimits,
): number[] {
  const isTyped = ArrayBuffer.isView(ids) && !(ids instanceof DataView);
  if (!Array.isArray(ids) && !isTyped) {
    throw new TypeError(mismatch(name, 'an array of token ids', ids));
  }
  if (isTyped) checkAttached(name, ids);
  const { length } = ids as ArrayLike<number>;
  if (length > contextLength) throw contextOverflow(length, contextLength);
  const copy: number[] = Array.from(ids as ArrayLike<number>);
  const bad = copy.findIndex((id) => !Number.isInteger(id) || id < 0 || id >= vocabSize);
  if (bad >= 0) checkInteger(`${name}[${bad}]`, copy[bad], 0, vocabSize - 1);
  return copy;
}

/** {@link readIds} of at least one token. @throws RangeError for none; as {@link readIds} */
export function readSomeIds(name: string, ids: unknown, limits: PromptLimits): number[] {
  const checked = readIds(name, ids, limits);
  if (checked.length > 0) return checked;
  throw new RangeError(`"${name}" expected at least one token id, got none`);
}

/** The conversation that a prompt is, a bare array of messages too; undefined for other prompts. */
export function conversationOf(prompt: unknown): object | undefined {
  if (typeof prompt !== 'object' || prompt === null) return undefined;
  if ('messages' in prompt) return prompt;
  const isBare = Array.isArray(prompt) && typeof prompt[0] === 'object' && prompt[0] !== null;
  return isBare ? { messages: prompt } : undefined;
}

/** Milliseconds of tokenising between two macrotasks: half a frame of a page. */
const SLICE_MS = 8;

/**
 * The ids of a text that follows others: start tokens where there is nothing else yet, which the text
 * is not taken to follow.
 *
 * @param before ids of the context; must not change before all is read
 */
export function* textPieces(
  tokenizer: TextTokenizer,
  text: string,
  before: readonly number[],
): Iterable<readonly number[]> {
  const { startIds } = tokenizer;
  const isStart = before.every((id, i) => id === startIds[i]);
  if (isStart) yield startIds.slice(before.length);
  yield* tokenizer.pieces(text, { after: isStart ? [] : before });
}

/**
 * Joins ids that come a piece of work at a time; a macrotask passes every few milliseconds, so that
 * timers run and signals are seen.
 *
 * @param checkCount refuses a count of ids by throwing; the pieces after it are not asked for
 * @param isCancelled asked after each macrotask
 * @returns undefined if cancelled
 */
export async function readPieces(
  pieces: Iterable<readonly number[]>,
  checkCount: (count: number) => void,
  isCancelled: () => boolean,
  clock: Pick<Clock, 'now'> = systemClock(),
): Promise<number[] | undefined> {
  const ids: number[] = [];
  let since = clock.now();
  for (const piece of pieces) {
    checkCount(ids.length + piece.length);
    for (const id of piece) ids.push(id);
    if (clock.now() - since < SLICE_MS) continue;
    await yieldMacrotask();
    if (isCancelled()) return undefined;
    since = clock.now();
  }
  return ids;
}

/** The error of a context that would hold `asked` tokens. */
export function contextOverflow(asked: number, limit: number): TpaError {
  const message = `${asked} tokens do not fit the context of ${limit}; pass fewer, or truncate the session`;
  return new TpaError('CONTEXT_OVERFLOW', message, { data: { asked, limit } });
}

/**
 * Checks a text prompt without tokenising it.
 *
 * @throws TpaError `TOKENIZER_MISSING`, `PROMPT_TOO_LONG`
 */
export function checkText(
  text: string,
  tokenizer: TextTokenizer | undefined,
  contextLength: number,
): TextTokenizer {
  if (tokenizer === undefined) throw missingTokenizer();
  const limit = contextLength * MAX_BYTES_PER_TOKEN;
  // A UTF-16 unit is at least one byte: a hopeless text is refused unread.
  const asked = text.length > limit ? text.length : new TextEncoder().encode(text).length;
  if (asked > limit) throw promptTooLong(asked, 'UTF-8 bytes', limit);
  return tokenizer;
}

/** The error of text for a model that came without a tokenizer. */
export function missingTokenizer(): TpaError {
  const message = 'the model has no tokenizer to read text with; pass token ids';
  return new TpaError('TOKENIZER_MISSING', message);
}

/** The error of a prompt that is so long that its tokens need not be counted. */
export function promptTooLong(asked: number, what: string, limit: number): TpaError {
  const message = `the prompt has ${asked} ${what} or more, its context takes ${limit} at most; shorten it`;
  return new TpaError('PROMPT_TOO_LONG', message, { data: { asked, limit } });
}
