import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readMessages } from '../../src/text/messages.ts';
import { MAX_BYTES_PER_TOKEN } from '../../src/text/prompt.ts';
import { chatTokenizer } from '../helpers/models/chat.ts';
import { assertMistakes, refused } from '../helpers/checks/refused.ts';

const test = suite('readMessages()');

const CONTEXT = 8;
const user = (content: unknown) => ({ role: 'user', content });

function read(prompt: object) {
  return readMessages(prompt, chatTokenizer, CONTEXT);
}

test('a copy of role and content, lone surrogates replaced', () => {
  const messages = [user('a\uD800b'), { role: 'assistant', content: '' }];
  const copy = read({ messages });
  assert.equal(copy, [
    { role: 'user', content: 'a\uFFFDb' },
    { role: 'assistant', content: '' },
  ]);
  messages[0]!.content = 'changed';
  assert.is(copy[0]!.content, 'a\uFFFDb');
});

const refusesAll = (kind: ErrorConstructor, refusals: readonly [object, RegExp][]) =>
  assertMistakes(refusals.map(([prompt, message]) => [() => read(prompt), kind, message]));

test('other keys and types are a TypeError that names them', async () => {
  await refusesAll(TypeError, [
    [{ messages: [], tools: [] }, /^"tools" is not a field of a conversation, expected messages$/],
    [{ messages: 'x' }, /^"messages" expected an array, got string/],
    [{ messages: undefined }, /^"messages" expected an array/],
    ...(
      [
        [null, /^"messages\[0\]" expected an object, got null/],
        ['x', /^"messages\[0\]" expected/],
        [undefined, /^"messages\[0\]" expected/],
        [user(['x']), /^"messages\[0\].content" expected a string, got Array/],
        [{ role: 5, content: 'x' }, /^"messages\[0\].role" expected a string, got 5/],
        [{ ...user('x'), tool_calls: [] }, /^"tool_calls" is not a field of messages\[0\], /],
      ] as const
    ).map(([message, told]): [object, RegExp] => [{ messages: [message] }, told]),
    [{ messages: [user('x'), user(5)] }, /^"messages\[1\].content" expected a string, got 5/],
  ]);
});

test('no messages, a role of no or 65 characters: RangeError', async () => {
  await refusesAll(RangeError, [
    [{ messages: [] }, /^"messages" expected at least one message, got none/],
    [{ messages: [{ ...user('x'), role: '' }] }, /role" expected 1..64 UTF-16 units, got 0/],
    [
      { messages: [{ ...user('x'), role: 'x'.repeat(65) }] },
      /role" expected 1..64 UTF-16 units, got 65/,
    ],
  ]);
});

test('more messages than tokens, or more bytes than fit: PROMPT_TOO_LONG, unread', async () => {
  assert.is(read({ messages: Array.from({ length: CONTEXT }, () => user('x')) }).length, CONTEXT);
  const unreadable = Array.from({ length: CONTEXT + 1 });
  const many = await refused(() => read({ messages: unreadable }), 'PROMPT_TOO_LONG');
  assert.equal(many.data, { asked: CONTEXT + 1, limit: CONTEXT });
  const limit = CONTEXT * MAX_BYTES_PER_TOKEN;
  const half = limit / 2 - 'user'.length;
  assert.is(read({ messages: [user('x'.repeat(half)), user('x'.repeat(half))] }).length, 2);
  for (const content of ['x'.repeat(half + 1), 'é'.repeat(half - 1)]) {
    const messages = [user('x'.repeat(half)), user(content)];
    await refused(() => read({ messages }), 'PROMPT_TOO_LONG');
  }
  const long = [user('x'.repeat(limit)), null];
  await refused(() => read({ messages: long }), 'PROMPT_TOO_LONG', 'the rest is not read');
});

test('without a tokenizer: TOKENIZER_MISSING', async () => {
  const prompt = { messages: [user('x')] };
  await refused(() => readMessages(prompt, undefined, CONTEXT), 'TOKENIZER_MISSING');
});

test.run();
