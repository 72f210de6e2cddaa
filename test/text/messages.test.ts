import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readConversation } from '../../src/text/messages.ts';
import { conversationOf, MAX_BYTES_PER_TOKEN } from '../../src/text/prompt.ts';
import { chatTokenizer } from '../helpers/models/chat.ts';
import { assertMistakes, refused } from '../helpers/checks/refused.ts';

const test = suite('readConversation()');

const CONTEXT = 8;
/** Texts and names, and one for each message, field and other value. */
const LIMIT = CONTEXT * MAX_BYTES_PER_TOKEN;
const user = (content: unknown) => ({ role: 'user', content });

function read(prompt: object, contextLength = CONTEXT) {
  return readConversation(prompt, chatTokenizer, contextLength);
}

test('a copy of every field, lone surrogates replaced, in texts and names', () => {
  const call = {
    id: 'c',
    function: { name: 'add', arguments: { a: 1.5, 'b\uD800': [true, null] } },
  };
  const messages = [
    { role: 'user', content: 'a\uD800b' },
    { role: 'assistant', content: null, reasoning_content: 'hm', tool_calls: [call] },
    { role: 'tool', content: [{ type: 'text', text: '' }], name: undefined },
  ];
  const { messages: copy } = read({ messages }, 64);
  assert.equal(copy, [
    { role: 'user', content: 'a\uFFFDb' },
    {
      role: 'assistant',
      content: null,
      reasoning_content: 'hm',
      tool_calls: [
        { id: 'c', function: { name: 'add', arguments: { a: 1.5, 'b\uFFFD': [true, null] } } },
      ],
    },
    { role: 'tool', content: [{ type: 'text', text: '' }] },
  ]);
  assert.not('name' in copy[2]!);
  messages[0]!.content = 'changed';
  call.function.arguments.a = 2;
  assert.is(copy[0]!['content'], 'a\uFFFDb');
  assert.match(JSON.stringify(copy), '1.5');
});

test('what else there may be, and what stands for nothing', () => {
  const messages = [user('x')];
  const { texts: _, ...plain } = read({ messages });
  assert.equal(plain, {
    messages,
    tools: null,
    documents: null,
    variables: {},
    isContinued: false,
    chatTemplate: undefined,
  });
  const full = read({
    messages: [...messages, { role: 'assistant', content: 'y' }],
    tools: [{ a: 1 }],
    documents: [],
    templateVariables: Object.create(null, { enable_thinking: { value: false, enumerable: true } }),
    continueFinalMessage: true,
    chatTemplate: '{{ 1 }}',
  });
  assert.equal(
    [full.tools, full.documents, full.variables, full.isContinued, full.chatTemplate],
    [[{ a: 1 }], [], { enable_thinking: false }, true, '{{ 1 }}'],
  );
  assert.equal(
    full.texts,
    'role user content x role assistant content y enable_thinking a'.split(' '),
  );
});

test('an array of objects is a conversation, one of anything else is not', () => {
  const messages = [user('x')];
  assert.equal(conversationOf(messages), { messages });
  const conversation = { messages: 'anything' };
  assert.is(conversationOf(conversation), conversation);
  for (const prompt of ['x', null, undefined, 5, {}, [], [1, 2], ['x'], [null], Int32Array.of(1)]) {
    assert.is(conversationOf(prompt), undefined);
  }
});

test('a field is read once', () => {
  let reads = 0;
  const message = {
    role: 'user',
    get content() {
      return ['x', 5][reads++];
    },
  };
  assert.is(read({ messages: [message] }).messages[0]!['content'], 'x');
  assert.is(reads, 1);
});

const refusesAll = (kind: ErrorConstructor, refusals: readonly [object, RegExp][]) =>
  assertMistakes(refusals.map(([prompt, message]) => [() => read(prompt, 64), kind, message]));

const among = (field: unknown) => ({ messages: [user('x'), { ...user('x'), a: [{ b: field }] }] });

test('other fields and types are a TypeError that names the place', async () => {
  const messages = [user('x')];
  await refusesAll(TypeError, [
    [{ messages, tool: [] }, /^"tool" is not a field of a conversation, did you mean "tools"\?$/],
    [{ messages, enable_thinking: false }, /^"enable_thinking" is not a field of a conversation/],
    [{ messages: 'x' }, /^"messages" expected an array, got string/],
    [{ messages: undefined }, /^"messages" expected an array/],
    ...(
      [
        [null, /^"messages\[0\]" expected a plain object, got null/],
        ['x', /^"messages\[0\]" expected/],
        [undefined, /^"messages\[0\]" expected/],
        [new Map(), /^"messages\[0\]" expected a plain object, got Map/],
        [user(5), /^"messages\[0\].content" expected a string, an array of parts or null, got 5/],
        [
          user({}),
          /^"messages\[0\].content" expected a string, an array of parts or null, got Obj/,
        ],
        [user(['x']), /^"messages\[0\].content\[0\]" expected an object, got string/],
        [{ content: 'x' }, /^"messages\[0\].role" expected a string, got undefined/],
        [{ role: 5, content: 'x' }, /^"messages\[0\].role" expected a string, got 5/],
      ] as const
    ).map(([message, told]): [object, RegExp] => [{ messages: [message] }, told]),
    [among(new Date()), /^"messages\[1\].a\[0\].b" expected a plain object, got Date/],
    [among(() => 1), /^"messages\[1\].a\[0\].b" expected a value that JSON can hold, got function/],
    [among(1n), /a\[0\].b" expected a value that JSON can hold, got bigint/],
    [among([undefined]), /a\[0\].b\[0\]" expected a value that JSON can hold, got undefined/],
    [among(JSON.parse('{"__proto__":1}')), /a\[0\].b.__proto__" expected another name, got 1/],
    [{ messages, tools: {} }, /^"tools" expected an array, got Object/],
    [{ messages, tools: [() => 1] }, /^"tools\[0\]" expected a plain object, got function/],
    [{ messages, documents: ['x'] }, /^"documents\[0\]" expected a plain object, got string/],
    [
      { messages, templateVariables: [] },
      /^"templateVariables" expected a plain object, got Array/,
    ],
    [{ messages, continueFinalMessage: 1 }, /^"continueFinalMessage" expected a boolean, got 1/],
    [{ messages, chatTemplate: null }, /^"chatTemplate" expected a string, got null/],
    ...[null, undefined, [], [{ type: 'image' }]].map((content): [object, RegExp] => [
      { messages: [{ role: 'assistant', content }], continueFinalMessage: true },
      /^"messages\[0\].content" expected text at its end, to be continued, got/,
    ]),
  ]);
});

const deep = (levels: number): unknown => (levels === 0 ? 1 : [deep(levels - 1)]);

test('values that are out of bounds: RangeError', async () => {
  const messages = [user('x')];
  const cycle: Record<string, unknown> = {};
  cycle['a'] = cycle;
  await refusesAll(RangeError, [
    [{ messages: [] }, /^"messages" expected at least one message, got none/],
    [{ messages: [{ ...user('x'), role: '' }] }, /role" expected 1..64 UTF-16 units, got 0/],
    [
      { messages: [{ ...user('x'), role: 'x'.repeat(65) }] },
      /role" expected 1..64 UTF-16 units, got 65/,
    ],
    [among(NaN), /^"messages\[1\].a\[0\].b" expected a finite number, got NaN/],
    [among(Infinity), /b" expected a finite number, got Infinity/],
    [
      among({ '': 1 }),
      /^"the name of messages\[1\].a\[0\].b." expected 1..256 UTF-16 units, got 0/,
    ],
    [among({ ['x'.repeat(257)]: 1 }), /expected 1..256 UTF-16 units, got 257/],
    [among(cycle), /(\.a){30}" expected at most 32 levels, got 33/],
    [{ messages, templateVariables: { x: deep(32) } }, /expected at most 32 levels, got 33/],
    [
      { messages, templateVariables: { bos_token: 'x' } },
      /^"templateVariables" expected other names/,
    ],
    [{ messages, continueFinalMessage: true }, /^"messages\[0\].role" expected "assistant", whose/],
  ]);
  read({ messages, templateVariables: { x: deep(31) } });
});

test('more messages than tokens, or more than fits: PROMPT_TOO_LONG, unread', async () => {
  assert.is(read({ messages: Array.from({ length: 4 }, () => user('x')) }).messages.length, 4);
  const unreadable = Array.from({ length: CONTEXT + 1 });
  const many = await refused(() => read({ messages: unreadable }), 'PROMPT_TOO_LONG');
  assert.equal(many.data, { asked: CONTEXT + 1, limit: CONTEXT });
  const half = LIMIT / 2 - 'role user content '.length + 1;
  assert.is(
    read({ messages: [user('x'.repeat(half)), user('x'.repeat(half))] }).messages.length,
    2,
  );
  for (const content of ['x'.repeat(half + 1), '€'.repeat(half - 1)]) {
    const messages = [user('x'.repeat(half)), user(content)];
    await refused(() => read({ messages }), 'PROMPT_TOO_LONG');
  }
  const long = [user('x'.repeat(LIMIT)), null];
  await refused(() => read({ messages: long }), 'PROMPT_TOO_LONG', 'the rest is not read');
  const messages = [user('x')];
  await refused(() => read({ messages, tools: [{ a: 'x'.repeat(LIMIT) }] }), 'PROMPT_TOO_LONG');
  await refused(
    () => read({ messages, documents: Array.from({ length: LIMIT }) }),
    'PROMPT_TOO_LONG',
  );
  const templateVariables = { x: Array.from({ length: LIMIT }) };
  await refused(() => read({ messages, templateVariables }), 'PROMPT_TOO_LONG');
});

test('a value that is small in memory and large when written is refused as what it is written', async () => {
  let value: unknown = 1;
  for (let i = 0; i < 30; i++) value = [value, value];
  const prompt = { messages: [user('x')], templateVariables: { value } };
  await refused(() => read(prompt, 1000), 'PROMPT_TOO_LONG');
});

test('without a tokenizer: TOKENIZER_MISSING', async () => {
  const prompt = { messages: [user('x')] };
  await refused(() => readConversation(prompt, undefined, CONTEXT), 'TOKENIZER_MISSING');
});

test.run();
