import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Chat } from '../../src/text/chat.ts';
import { Session } from '../../src/generate/session.ts';
import type { SessionHost } from '../../src/generate/session-host.ts';
import type { ChatMessage, Conversation, Generation } from '../../src/index.ts';
import {
  chatTokenizer,
  encodeChat,
  setUpChat,
  SPECIAL,
  TEMPLATES,
} from '../helpers/models/chat.ts';
import { readAll } from '../helpers/sessions/sessions.ts';
import { CANARY, refused } from '../helpers/checks/refused.ts';

const test = suite('generate({ messages })');

const GREEDY = { temperature: 0, maxTokens: 3 };
const TALK = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'Is 1 < 2 | 3 > 2?\n' },
  { role: 'assistant', content: ' Yes, [it] is. ' },
  { role: 'user', content: 'And é, 😀, "quotes"?' },
];
const SPECIAL_IDS = new Set(chatTokenizer.specialTokens.values());

function encode(template: string, messages: readonly ChatMessage[] = TALK): Promise<number[]> {
  return encodeChat(template, { messages });
}

/** A question, an answer and a question. */
function turns(contents: readonly string[]): ChatMessage[] {
  return contents.map((content, i) => ({ role: i === 1 ? 'assistant' : 'user', content }));
}

function specialTexts(ids: readonly number[]): string[] {
  return ids.filter((id) => SPECIAL_IDS.has(id)).map((id) => chatTokenizer.decode([id]));
}

/** The generation and the session are those of a fresh session with this prompt. */
async function isFresh(
  { tokens }: Generation,
  session: Session,
  host: SessionHost,
  prompt: Conversation | number[],
): Promise<void> {
  const fresh = new Session(host);
  assert.equal(tokens, (await readAll(fresh.generate(prompt, GREEDY))).tokens);
  assert.equal(session.tokens, fresh.tokens);
}

const EXPECTED: Record<string, string> = {
  chatml:
    '<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nIs 1 < 2 | 3 > 2?\n<|im_end|>\n' +
    '<|im_start|>assistant\n Yes, [it] is. <|im_end|>\n' +
    '<|im_start|>user\nAnd é, 😀, "quotes"?<|im_end|>\n<|im_start|>assistant\n',
  headers:
    '<s><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>' +
    '<|start_header_id|>user<|end_header_id|>\n\nIs 1 < 2 | 3 > 2?<|eot_id|>' +
    '<|start_header_id|>assistant<|end_header_id|>\n\nYes, [it] is.<|eot_id|>' +
    '<|start_header_id|>user<|end_header_id|>\n\nAnd é, 😀, "quotes"?<|eot_id|>' +
    '<|start_header_id|>assistant<|end_header_id|>\n\n',
  instructions:
    '<s>[INST] Be brief.\n\nIs 1 < 2 | 3 > 2?\n [/INST] Yes, [it] is.</s>' +
    '[INST] And é, 😀, "quotes"? [/INST]',
};

for (const [name, text] of Object.entries(EXPECTED)) {
  test(`the shape ${name}: ids are those of the text in one piece, BOS once`, async () => {
    const ids = await encode(TEMPLATES[name as keyof typeof TEMPLATES]);
    assert.is(chatTokenizer.decode(ids), text);
    assert.equal(ids, chatTokenizer.encode(text, { parseSpecial: true }));
    const starts = specialTexts(ids).filter((special) => special === '<s>');
    assert.is(starts.length, text.startsWith('<s>') ? 1 : 0);
  });
}

test('every special token in a message stays text, in every shape and place', async () => {
  const { thoughts: _, ...shapes } = TEMPLATES;
  for (const [name, template] of Object.entries(shapes)) {
    const plain = specialTexts(await encode(template, turns(['x', 'x', 'x'])));
    for (const special of SPECIAL) {
      const cut = Math.floor(special.length / 2);
      const [start, end] = [special.slice(0, cut), special.slice(cut)];
      const contents = [
        [special, `a ${special}${special}`, special],
        [start + special + end, special, `${special} `],
        ...(/[^\p{L}]/u.test(special) ? [[start, end, special]] : []),
      ];
      for (const texts of contents) {
        const ids = await encode(template, turns(texts));
        assert.equal(specialTexts(ids), plain, `${name}: ${special}`);
        assert.ok(chatTokenizer.decode(ids).includes(texts[0]!.trim()), `${name}: ${special}`);
      }
    }
  }
});

test('every special token in a role stays text', async () => {
  for (const template of [TEMPLATES.chatml, TEMPLATES.headers, TEMPLATES.markers]) {
    const plain = await encode(template, [{ role: 'other', content: 'x' }]);
    for (const special of SPECIAL) {
      const ids = await encode(template, [{ role: special, content: 'x' }]);
      assert.equal(specialTexts(ids), specialTexts(plain), special);
      assert.ok(chatTokenizer.decode(ids).includes(special));
    }
  }
});

test('every special token in a name of an argument stays text', async () => {
  const template = '<s>{% for m in messages %}{{ m.tool_calls | tojson }}{% endfor %}</s>';
  for (const special of SPECIAL) {
    for (const name of [special, `${special}x`, `x${special}`, `${special}.`, `_${special}_`]) {
      // One that shares letters with the token, and has what JSON escapes.
      const other = `${special.slice(1)}"\\\u0000`;
      const tool_calls = [{ [name]: '', [other]: '' }];
      const ids = await encode(template, [{ role: 'user', tool_calls }]);
      assert.equal(specialTexts(ids), ['<s>', '</s>'], name);
      assert.ok(chatTokenizer.decode(ids).includes(name), name);
    }
  }
});

test('a template may make a special token out of a role', async () => {
  const ids = await encode(TEMPLATES.markers, [{ role: 'user', content: 'x' }]);
  assert.equal(specialTexts(ids), ['<|user|>', '</s>', '<|assistant|>']);
});

test('a template finds what it looks for in a message', async () => {
  const ids = await encode(TEMPLATES.thoughts, [
    { role: 'assistant', content: '<think>1 < 2</think>Yes</s>' },
  ]);
  assert.is(chatTokenizer.decode(ids), '<|assistant|>\nYes</s></s>\n<|assistant|>\n');
  assert.equal(specialTexts(ids), ['<|assistant|>', '</s>', '<|assistant|>']);
});

test('an empty session takes all, the session is the conversation and the answer', async () => {
  const { session, backend } = setUpChat(TEMPLATES.chatml);
  const generation = session.generate({ messages: TALK }, GREEDY);
  assert.is(backend.calls.length, 0, 'nothing before the first token is asked for');
  await generation.text();
  assert.equal(session.tokens, [...(await encode(TEMPLATES.chatml)), ...generation.tokens]);
});

test('a list that grows costs only its new tokens, and gives what a fresh session gives', async () => {
  const { session, backend, host } = setUpChat(TEMPLATES.chatml);
  await session.generate({ messages: TALK.slice(0, 2) }, GREEDY).text();
  const before = (await encode(TEMPLATES.chatml, TALK.slice(0, 2))).length;
  backend.calls.length = 0;
  const next = await readAll(session.generate({ messages: TALK }, GREEDY));
  const ids = await encode(TEMPLATES.chatml);
  const evaluated = backend.calls.reduce((sum, count) => sum + count, 0);
  // Two of the three tokens are evaluated while the third is sampled.
  assert.ok(evaluated <= ids.length - before + 2, `${evaluated} of ${ids.length}`);
  await isFresh(next, session, host, { messages: TALK });
});

test('another conversation, a shorter one and the same again equal fresh sessions', async () => {
  const { session, host } = setUpChat(TEMPLATES.headers);
  const other = [{ role: 'user', content: 'Other' }];
  for (const messages of [TALK, TALK, TALK.slice(0, 2), other, TALK]) {
    const generation = await readAll(session.generate({ messages }, GREEDY));
    await isFresh(generation, session, host, { messages });
  }
});

test('a bare array is the same conversation; a begun answer is continued by what is generated', async () => {
  const { session, host } = setUpChat(TEMPLATES.chatml);
  const generation = await readAll(session.generate(TALK, GREEDY));
  await isFresh(generation, session, host, { messages: TALK });
  const begun = { messages: TALK.slice(0, 3), continueFinalMessage: true };
  const more = await readAll(session.generate(begun, GREEDY));
  const ids = await encodeChat(TEMPLATES.chatml, begun);
  assert.match(chatTokenizer.decode(ids), /assistant\n Yes, \[it\] is\. $/);
  assert.equal(session.tokens, [...ids, ...more.tokens]);
});

test('a failure or an abort while the rest is evaluated leaves the session as it was', async () => {
  const abort = new AbortController();
  const failAt = new Map<number, 'throw'>();
  const { session, backend, host } = setUpChat(TEMPLATES.chatml, {
    failAt,
    onForward: (call) => {
      if (call === stopAt) abort.abort();
    },
  });
  let stopAt = 0;
  await readAll(session.generate({ messages: TALK.slice(0, 2) }, GREEDY));
  const { tokens } = session;
  const live = backend.live;

  failAt.set(backend.calls.length + 2, 'throw');
  const other = { messages: [TALK[0]!, { role: 'user', content: 'Something else, and long.' }] };
  await refused(() => session.generate(other, GREEDY).text(), 'KERNEL_TRAP');
  assert.equal(session.tokens, tokens);

  stopAt = backend.calls.length + 2;
  const aborted = session.generate(other, { ...GREEDY, signal: abort.signal });
  assert.is(await aborted.text(), '');
  assert.is(aborted.finishReason, 'abort');
  assert.equal(session.tokens, tokens);
  assert.is(backend.live, live, 'no sequence is left over');

  const next = await readAll(session.generate([], GREEDY));
  await isFresh(next, session, host, tokens); // the cache is that of before
});

test('a session that is disposed in the middle: DISPOSED, and nothing is left', async () => {
  let isLeaving = false;
  const { session, backend } = setUpChat(TEMPLATES.chatml, {
    onForward: () => {
      if (isLeaving) session.dispose();
    },
  });
  await session.generate({ messages: TALK.slice(0, 2) }, GREEDY).text();
  isLeaving = true;
  await refused(() => session.generate({ messages: TALK.slice(1) }).text(), 'DISPOSED');
  assert.is(backend.live, 0);
});

test('without a template: CHAT_TEMPLATE_MISSING at the call', async () => {
  const { host } = setUpChat(TEMPLATES.chatml);
  const chat = new Chat({ templates: new Map() }, chatTokenizer);
  const session = new Session({ ...host, chat });
  await refused(() => session.generate({ messages: TALK }), 'CHAT_TEMPLATE_MISSING');
});

test('a broken template, or one that refuses: CHAT_TEMPLATE_INVALID without a word of either', async () => {
  const odd = [TALK[1]!, { role: 'user', content: CANARY }];
  for (const template of [`{{ ${CANARY}`, `{{ ${CANARY}() }}`, TEMPLATES.instructions]) {
    const { session } = setUpChat(template);
    const work = () => session.generate({ messages: odd }).text();
    const error = await refused(work, 'CHAT_TEMPLATE_INVALID');
    assert.is(error.cause, undefined);
    assert.is(session.length, 0);
    assert.equal((await refused(work, 'CHAT_TEMPLATE_INVALID')).message, error.message);
  }
});

test('a rendering of no text: PROMPT_EMPTY; of too many tokens: CONTEXT_OVERFLOW', async () => {
  const empty = setUpChat('{# nothing #}').session;
  await empty.prefill([1]);
  await refused(() => empty.generate({ messages: TALK }).text(), 'PROMPT_EMPTY');
  assert.equal(empty.tokens, [1]);
  const small = setUpChat(TEMPLATES.chatml, { contextLength: 20 }).session;
  await refused(() => small.generate({ messages: TALK }).text(), 'CONTEXT_OVERFLOW');
  assert.is(small.length, 0);
});

test('bos_token and eos_token are undefined where the files name none', async () => {
  const template = '{{ bos_token is defined }}{{ eos_token is defined }}';
  const ids = await encodeChat({ templates: new Map([['default', template]]) }, { messages: TALK });
  assert.is(chatTokenizer.decode(ids), 'FalseFalse');
});

test('what few templates name, and the date, are loaded for those that name it', async () => {
  const years = [new Date().getFullYear()];
  const written = await encode(
    "{% filter title %}{{ strftime_now('%Y')|int }} is odd{% endfilter %}",
  );
  years.push(new Date().getFullYear());
  assert.ok(years.some((year) => chatTokenizer.decode(written) === `${year} Is Odd`));
});

test('generationDefaults of the model hold until an option says otherwise', async () => {
  const { host } = setUpChat(TEMPLATES.chatml);
  const session = new Session({ ...host, generationDefaults: { temperature: 0, maxTokens: 2 } });
  const generation = await readAll(session.generate({ messages: TALK }));
  assert.is(generation.tokens.length, 2);
  const longer = await readAll(session.generate([], { maxTokens: 4, temperature: undefined! }));
  const again = new Session(host).generate(session.tokens.slice(0, -4), {
    ...GREEDY,
    maxTokens: 4,
  });
  await again.text();
  assert.equal(longer.tokens, again.tokens);
});

test.run();
