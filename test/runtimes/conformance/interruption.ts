import * as assert from 'uvu/assert';
import { type Checks, refusedWith } from './check.ts';

const PROMPT = 'The old king';
const OPTIONS = { temperature: 0, maxTokens: 10 } as const;
const ABORT_AFTER = 4;

/** Whatever ends a generation early leaves a session that goes on. */
export const interruptionChecks: Checks = {
  'a signal that is aborted already: nothing is computed': async (subject) => {
    const { tpa, assets, model } = subject;
    const signal = AbortSignal.abort();
    using session = model.createSession();
    const generation = session.generate(PROMPT, { ...OPTIONS, signal });
    assert.is(await generation.text(), '');
    assert.is(generation.finishReason, 'abort');
    assert.is(session.length, 0);
    await refusedWith(subject, 'ABORTED', () => tpa.loadModel(assets.shipped.source, { signal }));
  },
  'a signal aborted meanwhile: the session goes on to the same text': async ({ model }) => {
    using whole = model.createSession();
    await whole.generate(PROMPT, OPTIONS).text();

    using session = model.createSession();
    const controller = new AbortController();
    const generation = session.generate(PROMPT, { ...OPTIONS, signal: controller.signal });
    for await (const { id } of generation) {
      assert.is.not(id, undefined);
      if (generation.tokens.length === ABORT_AFTER) controller.abort();
    }
    assert.is(generation.finishReason, 'abort');
    assert.is(generation.tokens.length, ABORT_AFTER);
    const left = OPTIONS.maxTokens - ABORT_AFTER;
    await session.generate('', { ...OPTIONS, maxTokens: left }).text();
    assert.equal(session.tokens, whole.tokens);
  },
  'a reader that leaves the loop or cancels the stream frees the session': async (subject) => {
    using session = subject.model.createSession();
    const generation = session.generate(PROMPT, OPTIONS);
    for await (const { id } of generation) {
      assert.type(id, 'number');
      await refusedWith(subject, 'SESSION_BUSY', () => session.generate('x'));
      break;
    }
    assert.is(generation.finishReason, 'abort');

    const streamed = session.generate('', OPTIONS);
    const reader = streamed.toReadableStream().getReader();
    assert.type((await reader.read()).value, 'string');
    await reader.cancel();
    assert.is(streamed.finishReason, 'abort');
    await session.generate('', { ...OPTIONS, maxTokens: 1 }).text();
  },
};
