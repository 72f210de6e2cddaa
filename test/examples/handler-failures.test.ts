import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TpaError } from '../../src/base/errors.ts';
import { withGlobals } from '../helpers/fakes/globals.ts';
import { createHandler, parse, post, setUp, textOf } from './handler-setup.ts';

const FAILED = { error: 'the server failed' };

const test = suite('handler of the examples, where something fails');

test('loads once for requests that come together, again after a failure', async () => {
  const mistake = new TypeError('"model" expected a directory, got "/srv/x"'); // no reader's
  const failures = [new TpaError('RESOURCE_LIMIT', 'does not fit'), mistake];
  const { handle, loads } = setUp({ failures });
  const logged = await logOf(async () => {
    const responses = await Promise.all([1, 2].map(() => handle(post({ prompt: 'x' }))));
    for (const response of responses) {
      assert.is(response.status, 500);
      assert.equal(await response.json(), { ...FAILED, code: 'RESOURCE_LIMIT' });
    }
    assert.is(loads(), 1);
    const again = await handle(post({ prompt: 'x' }));
    assert.is(again.status, 500);
    assert.equal(await again.json(), FAILED);
  });
  assert.equal(logged, [failures[0], failures[0], mistake]);
  const good = await Promise.all([1, 2].map(() => handle(post({ prompt: 'x', maxTokens: 2 }))));
  for (const response of good) {
    assert.equal(parse(await response.text()).at(-1), { finishReason: 'length' });
  }
  assert.is(loads(), 3);
});

test('a model without a tokenizer is a failure of the server, and is given back', async () => {
  let disposals = 0;
  const handle = createHandler(async () => ({ dispose: () => (disposals += 1) }));
  const logged = await logOf(async () => {
    const response = await handle(post({ prompt: 'x' }));
    assert.is(response.status, 500);
    assert.equal(await response.json(), FAILED);
  });
  assert.match(String(logged), 'the model has no tokenizer');
  assert.is(disposals, 1);
});

test('mistakes of readers are told to them, and not logged', async () => {
  const { handle } = setUp();
  const logged = await logOf(async () => {
    const response = await handle(post({ prompt: 'x', maxTokens: 'many' }));
    assert.match(await response.text(), 'maxTokens');
  });
  assert.equal(logged, []);
});

test('tells in an event that it broke off, and goes on with the next', async () => {
  const { handle, backend } = setUp({ failAt: new Map([[6, 'throw']]) });
  const logged = await logOf(async () => {
    const events = parse(await textOf(handle, { prompt: 'Once', maxTokens: 20 }));
    assert.equal(events.at(-1), FAILED);
  });
  assert.match(String(logged), 'told to fail');
  assert.is(backend.live, 0);
  const events = parse(await textOf(handle, { prompt: 'x', maxTokens: 3 }));
  assert.is(events.at(-1)!.finishReason, 'length');
});

test('ends an answer after 20 seconds, its wait for a turn included', async () => {
  const deadlines = new Map<AbortController, number>();
  const timeout = (milliseconds: number): AbortSignal => {
    const deadline = new AbortController();
    deadlines.set(deadline, milliseconds);
    return deadline.signal;
  };
  const any = AbortSignal.any.bind(AbortSignal);
  const { handle, backend } = setUp();
  const request = { prompt: 'Once', maxTokens: 50 };
  const answers = await withGlobals({ AbortSignal: { any, timeout } }, () =>
    Promise.all([handle(post(request)), handle(post(request))]),
  );
  assert.equal([...deadlines.values()], [20_000, 20_000]);
  for (const deadline of deadlines.keys()) deadline.abort();
  const [first, second] = await Promise.all(answers.map((answer) => answer.text()));
  assert.equal(parse(first!).at(-1), { finishReason: 'abort' });
  assert.equal(parse(second!), [{ finishReason: 'abort' }]);
  assert.ok(backend.calls.length < 10, `${backend.calls.length} steps`);
});

test.run();

/** Runs `work`, and gives what was logged as an error meanwhile. */
async function logOf(work: () => Promise<void>): Promise<unknown[]> {
  const logged: unknown[] = [];
  const error = (value: unknown): void => void logged.push(value);
  await withGlobals({ console: { ...console, error } }, work);
  return logged;
}
