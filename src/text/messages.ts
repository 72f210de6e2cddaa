import type { TextTokenizer } from './tokenizer.ts';
import { checkKind, checkKnown, checkLength, checkObject, mismatch } from '../base/arguments.ts';
import { checkText, MAX_BYTES_PER_TOKEN, promptTooLong } from './prompt.ts';

/** One turn of a conversation. */
export interface ChatMessage {
  /** Who speaks, as the model's template knows it: `system`, `user`, `assistant` … */
  readonly role: string;
  /** What is said; never read as special tokens. */
  readonly content: string;
}

/** A whole conversation, as the prompt of `session.generate`. */
export interface Conversation {
  /** The turns, from the first on. */
  readonly messages: readonly ChatMessage[];
}

/** The longest role in use has 13 letters. */
const MAX_ROLE_LENGTH = 64;

/**
 * A checked copy of a conversation's messages; lone surrogates become U+FFFD.
 *
 * @throws TypeError for other keys or types, RangeError for no messages or a role of no length;
 *   TpaError `PROMPT_TOO_LONG` for more messages than tokens or too many bytes, unread;
 *   `TOKENIZER_MISSING`
 */
export function readMessages(
  prompt: object,
  tokenizer: TextTokenizer | undefined,
  contextLength: number,
): ChatMessage[] {
  checkKnown('a field of a conversation', prompt, ['messages']);
  const { messages } = prompt as { messages?: unknown };
  if (!Array.isArray(messages)) throw new TypeError(mismatch('messages', 'an array', messages));
  if (messages.length === 0) {
    throw new RangeError('"messages" expected at least one message, got none');
  }
  // The shortest message takes a token.
  if (messages.length > contextLength)
    throw promptTooLong(messages.length, 'messages', contextLength);
  const limit = contextLength * MAX_BYTES_PER_TOKEN;
  let length = 0;
  const copy = Array.from(messages, (message: unknown, i) => {
    const read = readMessage(`messages[${i}]`, message);
    length += read.role.length + read.content.length;
    if (length > limit) throw promptTooLong(length, 'UTF-8 bytes', limit);
    return read;
  });
  checkText(copy.map(({ role, content }) => role + content).join(''), tokenizer, contextLength);
  return copy;
}

function readMessage(name: string, message: unknown): ChatMessage {
  const given: Partial<Record<keyof ChatMessage, unknown>> = checkObject(name, message as object);
  checkKnown(`a field of ${name}`, given, ['role', 'content']);
  const role = checkLength(`${name}.role`, given.role, MAX_ROLE_LENGTH);
  const content = checkKind(`${name}.content`, given.content, 'string');
  return { role: wellFormed(role), content: wellFormed(content) };
}

function wellFormed(text: string): string {
  return text.replaceAll(/\p{Surrogate}/gu, '\uFFFD');
}
