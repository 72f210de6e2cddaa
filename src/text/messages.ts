import type { TextTokenizer } from './tokenizer.ts';
import {
  checkKind,
  checkKnown,
  checkLength,
  checkObject,
  checkRule,
  mismatch,
} from '../base/arguments.ts';
import { checkText, MAX_BYTES_PER_TOKEN, promptTooLong } from './prompt.ts';
import { type TemplateFields, ValueReader } from './chat/template-values.ts';

/**
 * One turn of a conversation. It may have any other field that the model's template reads; all its
 * text is text, never read as special tokens.
 *
 * @example
 * const turns = [
 *   { role: 'user', content: 'What is 1 + 1?' },
 *   { role: 'assistant', content: null, tool_calls: [{ function: { name: 'add', arguments: {} } }] },
 *   { role: 'tool', content: '2' },
 * ];
 */
export interface ChatMessage {
  /** Who speaks, as the model's template knows it: `system`, `user`, `assistant`, `tool` … */
  readonly role: string;
  /**
   * What is said: text, parts such as `{ type: 'text', text: 'Hi' }`, or `null` where other fields say
   * all. Text is given as a part to a template that reads parts alone, and parts of text, joined by
   * line breaks, as text to one that reads text alone.
   */
  readonly content?: string | readonly object[] | null;
  /** What the model asks tools for, as its template reads it. */
  readonly tool_calls?: readonly object[];
  /** Which call a tool answers. */
  readonly tool_call_id?: string;
  /** Who speaks among those of a role, or which tool. */
  readonly name?: string;
  /** What the model thought before it spoke. */
  readonly reasoning_content?: string;
}

/**
 * A whole conversation, as the prompt of `session.generate`. Every text in it stays text: only the
 * template writes special tokens and what marks the turns.
 *
 * @example
 * const talk = {
 *   messages: [{ role: 'user', content: 'Hi' }],
 *   templateVariables: { enable_thinking: false },
 * };
 */
export interface Conversation {
  /** The turns, from the first on. */
  readonly messages: readonly (ChatMessage | (ChatMessage & Readonly<Record<string, unknown>>))[];
  /** Tools that the model may call, in the form that its template reads, default none. */
  readonly tools?: readonly object[];
  /** Documents to answer from, for templates that take some, default none. */
  readonly documents?: readonly object[];
  /**
   * More of what the template reads, such as `{ enable_thinking: false }`, default none; not what it
   * is given anyway: `messages`, `tools`, `documents`, `add_generation_prompt`, `bos_token`,
   * `eos_token`.
   */
  readonly templateVariables?: Readonly<Record<string, unknown>>;
  /** Whether the last message, the assistant's, is the beginning of the answer, default false. */
  readonly continueFinalMessage?: boolean;
  /**
   * The name of one of the model's templates, or a template as Jinja source. Default what `loadModel`
   * was given; else `tool_use` where there are tools and such a template, else `default`.
   */
  readonly chatTemplate?: string;
}

/** A checked copy of a conversation. */
export interface CheckedConversation {
  readonly messages: readonly (TemplateFields & { readonly role: string })[];
  readonly tools: readonly TemplateFields[] | null;
  readonly documents: readonly TemplateFields[] | null;
  readonly variables: TemplateFields;
  readonly isContinued: boolean;
  readonly chatTemplate: string | undefined;
  /** Every text and name in it. */
  readonly texts: readonly string[];
}

const FIELDS: readonly (keyof Conversation)[] = [
  'messages',
  'tools',
  'documents',
  'templateVariables',
  'continueFinalMessage',
  'chatTemplate',
];
const RESERVED = 'messages tools documents add_generation_prompt bos_token eos_token'.split(' ');
/** The longest role in use has 13 letters. */
const MAX_ROLE_LENGTH = 64;

/**
 * A checked copy of a conversation; lone surrogates become U+FFFD.
 *
 * @throws TypeError for other fields or types, RangeError for no messages, a role of no length, a value
 *   that nests too deep, or a last message that cannot be continued; TpaError `PROMPT_TOO_LONG` for
 *   more messages than tokens or too many bytes, the rest unread; `TOKENIZER_MISSING`
 */
export function readConversation(
  prompt: object,
  tokenizer: TextTokenizer | undefined,
  contextLength: number,
): CheckedConversation {
  checkKnown('a field of a conversation', prompt, FIELDS);
  const given = prompt as Partial<Record<keyof Conversation, unknown>>;
  const { tools, documents, templateVariables = {}, continueFinalMessage = false } = given;
  const { chatTemplate } = given;
  const isContinued = checkKind('continueFinalMessage', continueFinalMessage, 'boolean');
  if (chatTemplate !== undefined) checkKind('chatTemplate', chatTemplate, 'string');
  const reader = new ValueReader(contextLength * MAX_BYTES_PER_TOKEN);
  const messages = readMessages(given.messages, reader, contextLength);
  if (isContinued) checkContinued(messages);
  const variables = reader.fields('templateVariables', templateVariables);
  const isReserved = RESERVED.some((name) => Object.hasOwn(variables, name));
  checkRule('templateVariables', !isReserved, `other names than ${RESERVED.join(', ')}`, variables);
  const conversation = {
    messages,
    tools: tools === undefined ? null : reader.list('tools', tools),
    documents: documents === undefined ? null : reader.list('documents', documents),
    variables,
    isContinued,
    chatTemplate: chatTemplate as string | undefined,
    texts: reader.texts,
  };
  checkText(reader.texts.join(''), tokenizer, contextLength);
  return conversation;
}

function readMessages(
  messages: unknown,
  reader: ValueReader,
  contextLength: number,
): CheckedConversation['messages'] {
  if (!Array.isArray(messages)) throw new TypeError(mismatch('messages', 'an array', messages));
  if (messages.length === 0) {
    throw new RangeError('"messages" expected at least one message, got none');
  }
  // The shortest message takes a token.
  if (messages.length > contextLength)
    throw promptTooLong(messages.length, 'messages', contextLength);
  return Array.from(messages, (message: unknown, i) => {
    const name = `messages[${i}]`;
    const { role, ...fields } = reader.fields(name, message);
    checkContent(`${name}.content`, fields['content']);
    return { role: checkLength(`${name}.role`, role, MAX_ROLE_LENGTH), ...fields };
  });
}

function checkContent(name: string, content: unknown): void {
  if (content === undefined || content === null || typeof content === 'string') return;
  if (!Array.isArray(content)) {
    throw new TypeError(mismatch(name, 'a string, an array of parts or null', content));
  }
  for (const [i, part] of content.entries()) checkObject(`${name}[${i}]`, part as object);
}

function checkContinued(messages: CheckedConversation['messages']): void {
  const { role, content } = messages.at(-1)!;
  const name = `messages[${messages.length - 1}]`;
  checkRule(`${name}.role`, role === 'assistant', '"assistant", whose message is continued', role);
  const last = Array.isArray(content) ? Object(content.at(-1)).text : content;
  if (typeof last === 'string') return;
  throw new TypeError(mismatch(`${name}.content`, 'text at its end, to be continued', last));
}
