import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { settle } from '../helpers/fakes/silence.ts';
import { ADDRESS, type Event, parse, post, setUp, textOf } from './handler-setup.ts';

const EXAMPLES = ['bun', 'cloudflare-worker', 'deno-deploy', 'vercel-node'];

const test = suite('handler of the examples');

test('is the same file in each', () => {
  const [first, ...others] = EXAMPLES.map((name) =>
    readFileSync(new URL(`../../examples/${name}/handler.js`, import.meta.url), 'utf8'),
  );
  for (const other of others) assert.is(other, first);
});

test('streams the text in events, at last the reason', async () => {
  const { handle, reference } = setUp({ vocabSize: 257 }); // with bytes that are no text by themselves
  const response = await handle(post({ prompt: 'Once', maxTokens: 20, seed: 3 }));
  assert.is(response.status, 200);
  assert.is(response.headers.get('content-type'), 'text/event-stream');
  const events = parse(await response.text());
  assert.equal(events.at(-1), { finishReason: 'length' });
  const texts = events.slice(0, -1).map(({ text }) => text);
  assert.ok(texts.every((text) => text !== ''));
  assert.is(texts.join(''), await reference('Once', { maxTokens: 20, seed: 3 }));
});

test('tells how it is used, and loads nothing for that', async () => {
  const { handle, loads } = setUp();
  assert.match(await (await handle(new Request(ADDRESS))).text(), /^POST \{"prompt"/);
  assert.is((await handle(new Request(ADDRESS, { method: 'PUT' }))).status, 405);
  assert.is(loads(), 0);
});

for (const [name, status, body] of [
  ['no body', 400, undefined],
  ['no JSON', 400, '{"prompt":'],
  ['null', 400, 'null'],
  ['a list', 400, '[1, 2]'],
  ['no prompt', 400, '{}'],
  ['a prompt that is no text', 400, '{"prompt":[1,2]}'],
  ['an empty prompt', 400, '{"prompt":""}'],
  ['an option that is none', 400, '{"prompt":"x","maxtokens":3}'],
  ['a number that is none', 400, '{"prompt":"x","maxTokens":"many"}'],
  ['no tokens', 400, '{"prompt":"x","maxTokens":0}'],
  ['too many tokens', 400, '{"prompt":"x","maxTokens":257}'],
  ['half a seed', 400, '{"prompt":"x","seed":0.5}'],
  ['a prompt beyond the context', 413, JSON.stringify({ prompt: 'x'.repeat(64) })],
  ['a body beyond 16 KiB', 413, JSON.stringify({ prompt: 'x'.repeat(16_384) })],
] as const) {
  test(`refuses ${name} with ${status}, in JSON, and keeps nothing`, async () => {
    const { handle, backend } = setUp();
    const response = await handle(new Request(ADDRESS, { method: 'POST', body: body ?? null }));
    assert.is(response.status, status);
    assert.type(((await response.json()) as Event).error, 'string');
    assert.is(backend.live, 0);
    assert.equal(backend.calls, []);
  });
}

test('stops reading a body without a length at 16 KiB', async () => {
  let pulled = 0;
  const body = new ReadableStream({
    pull(controller) {
      pulled += 1024;
      controller.enqueue(new Uint8Array(1024));
      if (pulled === 2 ** 20) controller.close();
    },
  });
  const init = { method: 'POST', body, duplex: 'half' };
  const request = new Request(ADDRESS, init);
  assert.is((await setUp().handle(request)).status, 413);
  assert.ok(pulled < 32_768, `${pulled} bytes`);
});

test('one generation at a time, in order; the tenth of ten together is refused', async () => {
  const { handle, backend } = setUp();
  const prompts = Array.from({ length: 10 }, (_, k) => 'x'.repeat(k + 1));
  const requests = prompts.map((prompt) => post({ prompt, maxTokens: 3 }));
  const responses = await Promise.all(requests.map((request) => handle(request)));
  assert.equal(
    responses.map(({ status }) => status),
    [200, 200, 200, 200, 200, 200, 200, 200, 200, 503],
  );
  const texts = await Promise.all(responses.slice(0, 9).map((response) => response.text()));
  for (const text of texts) assert.ok(parse(text).at(-1)!.finishReason);
  const steps = prompts.slice(0, 9).flatMap(({ length }) => [length, 1, 1]);
  assert.equal(backend.calls, steps);
  assert.is(backend.live, 0);
  assert.is((await handle(post({ prompt: 'x', maxTokens: 1 }))).status, 200);
});

for (const leave of ['signal', 'stream'] as const) {
  test(`a reader who leaves by the ${leave} ends it within a few tokens and frees the next`, async () => {
    const left = new AbortController();
    const { handle, backend } = setUp();
    const kept: Promise<unknown>[] = [];
    const request = post({ prompt: 'Once', maxTokens: 50 }, left.signal);
    const response = await handle(request, (work) => void kept.push(work));
    const reader = response.body!.getReader();
    await reader.read();
    const before = backend.calls.length;
    if (leave === 'signal') left.abort();
    else await reader.cancel();
    await Promise.all(kept);
    const more = backend.calls.length - before;
    // a token may have no text yet, and only one that has any meets a cancelled stream
    assert.ok(more <= (leave === 'signal' ? 1 : 6), `${more} more tokens`);
    assert.is(backend.live, 0);
    assert.is(parse(await textOf(handle, { prompt: 'x', maxTokens: 3 })).at(-1)!.error, undefined);
  });
}

test('a slow reader holds up nobody', async () => {
  const { handle } = setUp();
  const slow = await handle(post({ prompt: 'Once', maxTokens: 30 }));
  assert.ok(parse(await textOf(handle, { prompt: 'x', maxTokens: 3 })).at(-1)!.finishReason);
  assert.is(parse(await slow.text()).at(-1)!.finishReason, 'length');
});

test('keeps the request alive while it loads and computes', async () => {
  const { handle } = setUp();
  const kept: Promise<unknown>[] = [];
  const response = await handle(post({ prompt: 'Once' }), (work) => void kept.push(work));
  assert.is(kept.length, 2);
  let isDone = false;
  void kept[1]!.then(() => (isDone = true));
  assert.is(isDone, false);
  await response.text();
  await settle();
  assert.is(isDone, true);
});

test.run();
