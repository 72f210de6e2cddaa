import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { TextTokenizer } from '../../src/index.ts';
import { Session } from '../../src/generate/session.ts';
import type { SessionHost } from '../../src/generate/session-host.ts';
import { Chat } from '../../src/text/chat.ts';
import { createTokenizer } from '../../src/text/tokenizer.ts';
import { chatSource } from '../helpers/models/chat.ts';
import { scriptedBackend } from '../helpers/fakes/scripted-backend.ts';
import {
  FIRST_BYTE,
  type PrefixStyle,
  sentencePieceJson,
} from '../helpers/models/sentencepiece.ts';

const WORDS = ['▁there', '▁Once', '▁Hello', '▁world', '▁user', ',', 'x', '▁'];
const STYLES: readonly PrefixStyle[] = ['legacy', 'first', 'always'];
const GREEDY = { temperature: 0 };
const BYTES = [...new TextEncoder().encode('€😀')].map((byte) => FIRST_BYTE + byte);

const test = suite('text of a session, words that begin with a space');

interface SetUp {
  readonly tokenizer: TextTokenizer;
  readonly session: Session;
  readonly host: SessionHost;
  /** The whole text of a session, as it is decoded in one go. */
  whole(session?: Session): string;
}

/** A session whose model says these tokens. */
function setUp(
  style: PrefixStyle,
  script: readonly (string | number)[],
  ends: string[] = [],
): SetUp {
  const json = sentencePieceJson(WORDS, style) as { model: { vocab: Record<string, number> } };
  const tokenizer = createTokenizer(json);
  const idOf = (token: string | number) =>
    typeof token === 'number' ? token : json.model.vocab[token]!;
  const host: SessionHost = {
    backend: scriptedBackend(script.map(idOf), { vocabSize: tokenizer.vocabSize }),
    tokenizer,
    eosTokenIds: ends.map(idOf),
    sessions: new Set(),
  };
  const session = new Session(host);
  const whole = (one = session) => tokenizer.decode(one.tokens, { skipSpecial: true });
  return { tokenizer, session, host, whole };
}

for (const style of STYLES) {
  test(`${style}: what was typed and shown is the text of the whole, call by call`, async () => {
    const script = ['▁there', ',', '▁there', ...BYTES, '▁', '▁world', '▁there'];
    const { session, whole } = setUp(style, script);
    let text = 'Once';
    text += await session.generate('Once', { ...GREEDY, maxTokens: 2 }).text();
    assert.is(text, 'Once there,');
    text += await session.generate('', { ...GREEDY, maxTokens: 1 }).text();
    assert.is(text, 'Once there, there');
    for await (const token of session.generate([], { ...GREEDY, maxTokens: 9, logprobs: true })) {
      text += token.text;
      assert.ok(token.logprob! <= 0);
    }
    assert.is(text, `Once there, there€😀  world`);
    assert.is(whole(), text);
    const fork = session.fork();
    const forked = await fork.generate(' Hello', { ...GREEDY, maxTokens: 1 }).text();
    assert.is(whole(fork), `${text} Hello${forked}`);
    assert.is(whole(), text);
  });

  test(`${style}: the first word of an empty session has no space, nor behind start tokens`, async () => {
    for (const start of [[], [1], [1, 1]]) {
      const words = ['▁there', '▁there'];
      const { session, whole } = setUp(style, start.length > 0 ? ['x', ...words] : words);
      if (start.length > 0) await session.prefill(start);
      const text = await session
        .generate(start.length > 0 ? [] : [1], { ...GREEDY, maxTokens: 2 })
        .text();
      assert.is(text, 'there there');
      assert.is(whole(), text);
    }
  });

  test(`${style}: text that is added goes on where the session is: the tokens of the whole`, async () => {
    const { session, tokenizer, whole } = setUp(style, ['x']);
    await session.prefill([...tokenizer.startIds, ...tokenizer.encode('Hello')]);
    await session.generate(' world', { ...GREEDY, maxTokens: 1 }).text();
    const ids = [1, ...tokenizer.encode('Hello world')];
    assert.equal(session.tokens.slice(0, -1), ids);
    session.truncate(ids.length);
    assert.is(whole(), 'Hello world');
    // what stands alone in front is what every text begins with
    for (const kept of [0, 1]) {
      session.truncate(kept);
      await session.generate('Hello world', { ...GREEDY, maxTokens: 1 }).text();
      assert.equal(session.tokens.slice(0, -1), ids);
    }
  });

  test(`${style}: turns of a chat: the answer is its part of the conversation`, async () => {
    const { host, tokenizer, whole } = setUp(
      style,
      ['▁there', '▁world', '</s>', '▁there', '</s>'],
      ['</s>'],
    );
    const template =
      '{{ bos_token }}{% for m in messages %}{{ m.role + " " + m.content + eos_token }}{% endfor %}x';
    const chat = new Chat(chatSource(template), tokenizer);
    const session = new Session({ ...host, chat });
    const messages = [{ role: 'user', content: 'Hello' }];
    for (let turn = 0; turn < 2; turn++) {
      const generation = session.generate({ messages }, GREEDY);
      const text = await generation.text();
      const before = session.tokens.slice(0, session.length - generation.tokens.length);
      assert.is(tokenizer.decode(before, { skipSpecial: true }) + text, whole(session));
      assert.is(text, turn === 0 ? ' there world' : ' there');
      messages.push({ role: 'assistant', content: text }, { role: 'user', content: 'Once' });
    }
  });
}

test('stop strings and tokens: a special token by its text or its id, never shown', async () => {
  const script = ['▁there', 2, '▁world'];
  for (const [options, shown, count] of [
    [{ stop: '</s>' }, ' there', 2],
    [{ stop: ['re</s>'] }, ' the', 2],
    [{ stop: ['</s> wor'] }, ' there', 3],
    [{ stopTokens: [2] }, ' there', 2],
    [{ stop: '/s' }, ' there world', 3],
    [{}, ' there world', 3],
  ] as const) {
    const { session } = setUp('legacy', script);
    const generation = session.generate('Once', { ...GREEDY, maxTokens: 3, ...options });
    assert.is(await generation.text(), shown, JSON.stringify(options));
    assert.is(generation.tokens.length, count);
    const isStopped = 'stopTokens' in options || ('stop' in options && options.stop !== '/s');
    assert.is(generation.finishReason, isStopped ? 'stop' : 'length');
  }
  const { session } = setUp('legacy', ['▁there', '▁world']);
  const plain = setUp('legacy', []).tokenizer.encode('there')[0]!;
  const generation = session.generate('Once', { ...GREEDY, stopTokens: [plain, 0] });
  assert.is(await generation.text(), '');
  assert.is(generation.finishReason, 'stop');
  const { vocabSize } = setUp('legacy', []).tokenizer;
  assert.throws(
    () => session.generate('x', { stopTokens: [1, vocabSize] }),
    new RegExp(`"stopTokens\\[1\\]" expected an integer in 0..${vocabSize - 1}, got ${vocabSize}`),
  );
});

test.run();
