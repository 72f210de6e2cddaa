import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { GenerateOptions } from '../../src/generate/options.ts';
import { MAX_BYTES_PER_TOKEN } from '../../src/text/prompt.ts';
import { Session } from '../../src/generate/session.ts';
import { byteTokenizer, END_ID } from '../helpers/models/byte-tokenizer.ts';
import { FakeBackend } from '../helpers/fakes/fake-backend.ts';
import { outcomeOf, refused } from '../helpers/checks/refused.ts';
import { settle } from '../helpers/fakes/silence.ts';
import { collect, control, GREEDY, PROMPT, setUp } from '../helpers/sessions/generation.ts';

const test = suite('Generation');

test('one item per token, ids equal tokens and the end of the session', async () => {
  const { session } = setUp();
  const { generation, items, text } = await collect(session, PROMPT, GREEDY);
  assert.is(items.length, 12);
  assert.equal(
    items.map((item) => item.id),
    generation.tokens,
  );
  assert.equal(session.tokens, [...PROMPT, ...generation.tokens]);
  assert.is(generation.finishReason, 'length');
  assert.is(text, byteTokenizer.decode(generation.tokens, { skipSpecial: true }));
  assert.is(await setUp().session.generate(PROMPT, GREEDY).text(), text);
});

test('same seed, same tokens; the seed in use is told', async () => {
  const first = await collect(setUp().session, PROMPT, { maxTokens: 20 });
  const seed = first.generation.seed as number;
  const again = await collect(setUp().session, PROMPT, { maxTokens: 20, seed });
  assert.equal(again.generation.tokens, first.generation.tokens);
  const other = await collect(setUp().session, PROMPT, { maxTokens: 20, seed: seed + 1 });
  assert.not.equal(other.generation.tokens, first.generation.tokens);
});

test('nothing runs before the first pull, and never more than the token asked for', async () => {
  const { backend, session } = setUp({ maxChunk: 8 });
  const generation = session.generate(PROMPT, GREEDY);
  await settle();
  assert.equal(backend.calls, []);
  assert.is(session.length, 0);
  const steps = generation[Symbol.asyncIterator]();
  for (let k = 1; k <= 3; k++) {
    await steps.next();
    await settle();
    assert.is(backend.calls.length, k);
  }
  await steps.return!();
});

test('a generation is read once', async () => {
  const { session } = setUp();
  const generation = session.generate(PROMPT, GREEDY);
  await generation.text();
  assert.throws(() => generation[Symbol.asyncIterator](), isTypeError);
  assert.throws(() => generation.toReadableStream(), isTypeError);
  assert.instance(await outcomeOf(() => generation.text()), TypeError);
});

test('a readable stream gives the same text, one token per read, and cancels', async () => {
  const { session } = setUp();
  const expected = await setUp().session.generate(PROMPT, GREEDY).text();
  let text = '';
  for await (const piece of session.generate(PROMPT, GREEDY).toReadableStream()) {
    assert.ok(piece !== '');
    text += piece;
  }
  assert.is(text, expected);

  const other = setUp();
  const generation = other.session.generate(PROMPT, { maxTokens: 50 });
  const reader = generation.toReadableStream().getReader();
  for (let i = 0; i < 5; i++) await settle();
  assert.is(other.backend.calls.length, 0);
  await reader.read();
  await reader.cancel();
  assert.is(generation.finishReason, 'abort');
  const calls = other.backend.calls.length;
  for (let i = 0; i < 5; i++) await settle();
  assert.is(other.backend.calls.length, calls);
  assert.is(other.session.fork().length, other.session.length);
});

test('a readable stream errors when the backend fails', async () => {
  const { session } = setUp({ failAt: new Map([[1, 'throw']]) });
  const reader = session.generate([1], GREEDY).toReadableStream().getReader();
  await refused(() => reader.read(), 'KERNEL_TRAP');
});

test('prompt and context: n fits, n + 1 is CONTEXT_OVERFLOW before any compute', async () => {
  const { backend, session } = setUp({ contextLength: 10 });
  await session.prefill([1, 2, 3]);
  const calls = backend.calls.length;
  await refused(() => session.generate([1, 2, 3, 4, 5, 6, 7, 8]).text(), 'CONTEXT_OVERFLOW');
  assert.is(backend.calls.length, calls);
  assert.equal(session.tokens, [1, 2, 3]);
  const full = await collect(session, [1, 2, 3, 4, 5, 6, 7], GREEDY);
  assert.equal([full.generation.finishReason, full.items.length], ['context_full', 0]);
  assert.is(session.length, 10);
});

test('running into the end is context_full, nothing lost, session usable', async () => {
  const expected = await control(12);
  const { session } = setUp({ contextLength: 10 });
  const { generation, text } = await collect(session, PROMPT, GREEDY);
  assert.is(generation.finishReason, 'context_full');
  assert.equal(generation.tokens, expected.slice(0, 4));
  assert.is(text, byteTokenizer.decode(generation.tokens));
  assert.is(session.length, 10);
  assert.is((await collect(session, [], GREEDY)).generation.finishReason, 'context_full');
  session.truncate(8);
  assert.equal((await collect(session, [], GREEDY)).generation.tokens, expected.slice(2, 4));
});

test('an end token is the last item, its own text is empty, finishReason stop', async () => {
  const ids = await control(12);
  const end = ids[5]!;
  const first = ids.indexOf(end);
  const { session } = setUp({}, [END_ID, end]);
  const { generation, items, text } = await collect(session, PROMPT, GREEDY);
  assert.is(generation.finishReason, 'stop');
  assert.equal(generation.tokens, ids.slice(0, first + 1));
  assert.is(items.length, first + 1);
  assert.is(text, byteTokenizer.decode(ids.slice(0, first)));
  const rest = await collect(session, [], { ...GREEDY, maxTokens: 1 });
  assert.equal(rest.generation.tokens, [ids[first + 1]!]);
});

test('every stop string inside the text ends it exactly there', async () => {
  const whole = await setUp({ vocabSize: 128 }).session.generate(PROMPT, GREEDY).text();
  for (let from = 0; from < whole.length; from++) {
    for (let to = from + 1; to <= whole.length; to++) {
      const stop = whole.slice(from, to);
      const { session } = setUp({ vocabSize: 128 });
      const { generation, text } = await collect(session, PROMPT, { ...GREEDY, stop });
      assert.is(text, whole.slice(0, whole.indexOf(stop)));
      assert.is(generation.finishReason, 'stop');
      assert.is(generation.tokens.length, whole.indexOf(stop) + stop.length);
    }
  }
});

test('a stop string that never comes changes nothing, held-back text comes at the end', async () => {
  const whole = await setUp({ vocabSize: 128 }).session.generate(PROMPT, GREEDY).text();
  const stop = whole.slice(-3) + 'never';
  const { generation, text } = await collect(setUp({ vocabSize: 128 }).session, PROMPT, {
    ...GREEDY,
    stop: [stop, 'nor this'],
  });
  assert.equal([text, generation.finishReason], [whole, 'length']);
});

test('logprobs are given only when asked for, and are <= 0', async () => {
  const { items } = await collect(setUp().session, PROMPT, { ...GREEDY, logprobs: true });
  assert.ok(items.every((item) => item.logprob! < 0 && item.logprob! > -10));
  const plain = await collect(setUp().session, PROMPT, GREEDY);
  assert.ok(plain.items.every((item) => !('logprob' in item)));
});

test('an empty prompt: PROMPT_EMPTY on an empty session, else it continues', async () => {
  const { session } = setUp();
  for (const prompt of ['', []]) {
    await refused(() => session.generate(prompt).text(), 'PROMPT_EMPTY');
  }
  await session.prefill(PROMPT);
  assert.equal((await collect(session, '', GREEDY)).generation.tokens, await control(12));
});

test('a text prompt is tokenised; too many UTF-8 bytes are PROMPT_TOO_LONG', async () => {
  const { session } = setUp();
  await collect(session, 'aé', { ...GREEDY, maxTokens: 1 });
  assert.equal(session.tokens.slice(0, 3), [97, 195, 169]);
  const limit = 64 * MAX_BYTES_PER_TOKEN;
  for (const text of ['a'.repeat(limit + 1), 'é'.repeat(limit / 2) + 'a', '€'.repeat(limit)]) {
    await refused(() => session.generate(text), 'PROMPT_TOO_LONG');
  }
  await refused(() => session.generate('é'.repeat(limit / 2)).text(), 'CONTEXT_OVERFLOW');
});

test('without a tokenizer ids work with empty text; text and stop are TOKENIZER_MISSING', async () => {
  const backend = new FakeBackend();
  const host = { backend, tokenizer: undefined, eosTokenIds: [], sessions: new Set<Session>() };
  const session = new Session(host);
  await refused(() => session.generate('x'), 'TOKENIZER_MISSING');
  await refused(() => session.generate([1], { stop: 'x' }), 'TOKENIZER_MISSING');
  const { items, text } = await collect(session, [1], GREEDY);
  assert.equal([items.length, text], [12, '']);
});

test('odd prompts and options throw at the call and name the argument', async () => {
  const { session } = setUp();
  const cases: [unknown, unknown, RegExp][] = [
    [{ messages: [] }, {}, /^"messages" expected at least one message, got none/],
    [undefined, {}, /^"prompt" expected/],
    [7, {}, /^"prompt" expected/],
    [[1], { max_tokens: 1 }, /^"max_tokens"/],
    [[257], {}, /^"prompt\[0\]" expected an integer in 0..256, got 257/],
  ];
  for (const [prompt, options, message] of cases) {
    assert.throws(() => session.generate(prompt as string, options as GenerateOptions), message);
  }
});

function isTypeError(error: unknown): boolean {
  return error instanceof TypeError;
}

test.run();
