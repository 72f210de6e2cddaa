import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { refused } from '../helpers/checks/refused.ts';
import { settle } from '../helpers/fakes/silence.ts';
import { collect, control, GREEDY, PROMPT, setUp } from '../helpers/sessions/generation.ts';

const test = suite('Generation, interrupted');

test('abort after each token, then generate([]) goes on as if nothing had happened', async () => {
  const expected = await control(12);
  for (let k = 0; k <= 11; k++) {
    const { session } = setUp();
    const controller = new AbortController();
    const generation = session.generate(PROMPT, { ...GREEDY, signal: controller.signal });
    const ids: number[] = [];
    if (k === 0) controller.abort();
    for await (const { id } of generation) if (ids.push(id) === k) controller.abort();
    assert.is(generation.finishReason, 'abort');
    assert.equal(ids, expected.slice(0, k));
    assert.equal(generation.tokens, ids);
    const rest = await collect(session, k === 0 ? PROMPT : [], { ...GREEDY, maxTokens: 12 - k });
    assert.equal([...ids, ...rest.generation.tokens], expected);
  }
});

test('abort inside each forward: prompt rolled back, or the token asked for again', async () => {
  const expected = await control(6);
  for (let call = 1; call <= 8; call++) {
    const controller = new AbortController();
    const onForward = (n: number) => n === call && controller.abort();
    const { backend, session } = setUp({ onForward, maxChunk: 2 }); // 3 chunks of prompt
    const options = { ...GREEDY, maxTokens: 6, signal: controller.signal };
    const { generation } = await collect(session, PROMPT, options);
    const done = Math.max(0, call - 3);
    assert.is(generation.finishReason, 'abort');
    assert.is(backend.calls.length, call);
    assert.equal(generation.tokens, expected.slice(0, done));
    assert.is(session.length, done === 0 ? 0 : 6 + done);
    const prompt = done === 0 ? PROMPT : [];
    const rest = await collect(session, prompt, { ...GREEDY, maxTokens: 6 - done });
    assert.equal([...generation.tokens, ...rest.generation.tokens], expected);
  }
});

test('an aborted signal computes nothing, not even the tokens of the prompt', async () => {
  const { backend, session } = setUp();
  const options = { ...GREEDY, signal: AbortSignal.abort() };
  const { generation, items } = await collect(session, 'x'.repeat(60), options);
  assert.equal([generation.finishReason, items.length, backend.calls.length], ['abort', 0, 0]);
  assert.is(session.length, 0);
});

test('break and a thrown error after each token free the session within that token', async () => {
  const expected = await control(8);
  for (let k = 1; k <= 7; k++) {
    for (const isThrown of [false, true]) {
      const { session } = setUp();
      const generation = session.generate(PROMPT, GREEDY);
      let count = 0;
      try {
        for await (const { id } of generation) {
          assert.is(id, expected[count++]);
          if (count < k) continue;
          if (isThrown) throw new Error('consumer');
          break;
        }
      } catch (error) {
        assert.is((error as Error).message, 'consumer');
      }
      assert.is(generation.finishReason, 'abort');
      const rest = await collect(session, [], { ...GREEDY, maxTokens: 8 - k });
      assert.equal(rest.generation.tokens, expected.slice(k));
    }
  }
});

test('return() while the prompt is computed stops at the next chunk and rolls back', async () => {
  const { backend, session } = setUp({ maxChunk: 1 });
  const steps = session.generate(PROMPT, GREEDY)[Symbol.asyncIterator]();
  const first = steps.next();
  while (backend.calls.length < 2) await settle();
  await steps.return!();
  assert.is((await first).done, true);
  assert.ok(backend.calls.length < 6);
  assert.is(session.length, 0);
  assert.equal((await collect(session, PROMPT, GREEDY)).generation.tokens, await control(12));
});

for (const kind of ['throw', 'nonfinite'] as const) {
  test(`a ${kind} at each forward rejects, then the session goes on as the control`, async () => {
    const expected = await control(6);
    const code = kind === 'throw' ? 'KERNEL_TRAP' : 'NONFINITE_LOGITS';
    for (let call = 1; call <= 8; call++) {
      const { session } = setUp({ failAt: new Map([[call, kind]]), maxChunk: 2 });
      const generation = session.generate(PROMPT, { ...GREEDY, maxTokens: 6 });
      await refused(() => generation.text(), code);
      assert.is(generation.finishReason, undefined);
      const done = generation.tokens.length;
      assert.is(done, Math.max(0, call - 3));
      const prompt = done === 0 ? PROMPT : [];
      const rest = await collect(session, prompt, { ...GREEDY, maxTokens: 6 - done });
      assert.equal([...generation.tokens, ...rest.generation.tokens], expected);
    }
  });
}

test('timers run between two tokens', async () => {
  const { session } = setUp({ contextLength: 500 });
  const controller = new AbortController();
  setImmediate(() => controller.abort());
  const { generation } = await collect(session, [1], {
    maxTokens: 400,
    signal: controller.signal,
  });
  assert.is(generation.finishReason, 'abort');
  assert.ok(generation.tokens.length < 3);
});

test('the session is free with the last item, and reading on does not free the next call', async () => {
  const { session } = setUp({ maxChunk: 1 });
  const steps = session.generate([1], { maxTokens: 1 })[Symbol.asyncIterator]();
  await steps.next();
  const next = session.prefill([1, 2, 3]);
  assert.is((await steps.next()).done, true);
  await refused(() => session.fork(), 'SESSION_BUSY');
  await next;
});

test.run();
