import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Session } from '../../src/generate/session.ts';
import type { SessionHost } from '../../src/generate/session-host.ts';
import { byteTokenizer } from '../helpers/models/byte-tokenizer.ts';
import { assertMistakes, refused } from '../helpers/checks/refused.ts';
import { readAll } from '../helpers/sessions/sessions.ts';
import { FakeBackend, prefixLogits, type FakeOptions } from '../helpers/fakes/fake-backend.ts';

const test = suite('Session');

function setUp(options: FakeOptions = {}) {
  const backend = new FakeBackend(options);
  const host: SessionHost = { backend, tokenizer: undefined, eosTokenIds: [], sessions: new Set() };
  return { backend, host, session: new Session(host) };
}

/** The next logits are those of exactly the session's ids plus this one. */
async function isIntact(session: Session, ids: readonly number[]): Promise<void> {
  assert.equal(session.tokens, [...ids]);
  assert.equal(await session.decode(7), prefixLogits([...ids, 7], 50));
  session.truncate(ids.length);
}

test('prefill returns the logits of the last position, in chunks of maxChunk', async () => {
  const { backend, session } = setUp({ maxChunk: 4 });
  const ids = [1, 2, 3, 4, 5, 6, 7, 8, 9];
  assert.equal(await session.prefill(ids), prefixLogits(ids, 50));
  assert.equal(backend.calls, [4, 4, 1]);
  assert.is(session.length, 9);
  assert.is(session.byteLength, 72);
  assert.equal(await session.prefill([10]), prefixLogits([...ids, 10], 50));
});

test('a timer fires between two chunks of a prompt', async () => {
  const { backend, session } = setUp({ maxChunk: 1 });
  let callsAtTimer = -1;
  setImmediate(() => (callsAtTimer = backend.calls.length));
  await session.prefill([1, 2, 3, 4, 5, 6, 7, 8]);
  assert.ok(callsAtTimer >= 0 && callsAtTimer < 8, String(callsAtTimer));
});

test('tokens is a copy, typed arrays are accepted', async () => {
  const { session } = setUp();
  await session.prefill(Uint16Array.of(1, 2));
  await session.prefill(Float32Array.of(3));
  session.tokens.push(9);
  await isIntact(session, [1, 2, 3]);
});

test('bad ids are TypeError or RangeError and change nothing', async () => {
  const { backend, session } = setUp();
  await assertMistakes([
    [() => session.prefill([]), RangeError, /^"ids" expected at least one/],
    [() => session.prefill([1, 50]), RangeError, /^"ids\[1\]" expected an integer in 0..49/],
    [() => session.prefill(['1'] as never), TypeError, /got string/],
    [() => session.prefill('12' as never), TypeError, /^"ids" expected an array/],
    [() => session.prefill(transferred()), TypeError, /^"ids" expected memory .* transferred$/],
    [() => session.generate(transferred()), TypeError, /^"prompt" expected memory .* transferred$/],
    [() => session.decode(50), RangeError, /^"id" expected an integer in 0..49, got 50/],
    [() => session.decode('1' as never), TypeError, /./],
    [() => session.truncate(1), RangeError, /^"length" expected an integer in 0..0, got 1/],
    [() => session.truncate(-1), RangeError, /./],
    [() => session.truncate(0.5), RangeError, /./],
  ]);
  assert.equal(backend.calls, []);
  await isIntact(session, []);
});

test('forks diverge without touching each other', async () => {
  const { backend, host, session } = setUp();
  await session.prefill([1, 2, 3]);
  const fork = session.fork();
  assert.is(host.sessions.size, 2);
  assert.equal(await fork.decode(4), prefixLogits([1, 2, 3, 4], 50));
  session.truncate(1);
  await isIntact(session, [1]);
  session.dispose();
  await isIntact(fork, [1, 2, 3, 4]);
  fork.dispose();
  assert.is(backend.live, 0);
});

test('truncate forgets, also ids that were never evaluated', async () => {
  const { session } = setUp();
  const { tokens } = await generated(session);
  assert.is(session.length, 3 + tokens.length);
  session.truncate(3 + tokens.length - 1);
  await isIntact(session, [1, 2, 3, ...tokens.slice(0, -1)]);
  session.truncate(0);
  await isIntact(session, []);
});

const CALLS: Record<string, (session: Session) => unknown> = {
  prefill: (session) => session.prefill([4, 5]),
  decode: (session) => session.decode(4),
  generate: (session) => session.generate([4], { maxTokens: 2 }).text(),
  fork: (session) => session.fork(),
  truncate: (session) => session.truncate(0),
};

for (const running of ['prefill', 'decode', 'generate']) {
  for (const second of Object.keys(CALLS)) {
    test(`${second} during ${running} is SESSION_BUSY, the first goes on`, async () => {
      const { session } = setUp({ maxChunk: 1 });
      const control = setUp({ maxChunk: 1 }).session;
      for (const s of [session, control]) await s.prefill([1, 2, 3]);
      const options = { seed: 5, maxTokens: 4 };
      const call = (s: Session) =>
        running === 'generate' ? s.generate([4], options).text() : CALLS[running]!(s);
      const first = call(session);
      await refused(() => CALLS[second]!(session), 'SESSION_BUSY');
      assert.equal(await first, await call(control));
      await isIntact(session, control.tokens);
    });
  }
}

test('a second generation of an idle session is SESSION_BUSY while the first is being read', async () => {
  const { session } = setUp();
  const first = session.generate([1], { maxTokens: 3 });
  const second = session.generate([2], { maxTokens: 3 });
  const steps = first[Symbol.asyncIterator]();
  await steps.next();
  await refused(() => second.text(), 'SESSION_BUSY');
  assert.is(second.finishReason, undefined);
  await steps.return!();
  assert.is((await generated(session)).finishReason, 'length');
});

test('every call after dispose is DISPOSED, dispose is idempotent', async () => {
  const { backend, host, session } = setUp();
  await session.prefill([1]);
  session.dispose();
  session.dispose();
  session[Symbol.dispose]();
  for (const [name, call] of Object.entries(CALLS)) {
    assert.match((await refused(() => call(session), 'DISPOSED', name)).message, /disposed/);
  }
  assert.is(backend.live, 0);
  assert.is(host.sessions.size, 0);
  assert.is(session.byteLength, 0);
});

function generated(session: Session) {
  const generation = session.generate([1, 2, 3], { maxTokens: 4, seed: 1 });
  return generation.text().then(() => generation);
}

test('text in an empty conversation comes after the tokens that start every text, and only there', async () => {
  const tokenizer = { ...byteTokenizer, startIds: [3, 4] };
  const backend = new FakeBackend({ vocabSize: 257 });
  const host: SessionHost = { backend, tokenizer, eosTokenIds: [], sessions: new Set() };
  const session = new Session(host);
  await readAll(session.generate('ab', { maxTokens: 1, temperature: 0 }));
  assert.equal(session.tokens.slice(0, 4), [3, 4, 97, 98]);
  session.truncate(4);
  await readAll(session.generate('c', { maxTokens: 1, temperature: 0 }));
  assert.equal(session.tokens.slice(0, 5), [3, 4, 97, 98, 99]);
  session.truncate(0);
  await readAll(session.generate([97], { maxTokens: 1, temperature: 0 }));
  assert.is(session.tokens[0], 97); // ids are taken as they are
});

test.run();

/** Ids whose memory is gone. */
function transferred(): Uint32Array {
  const ids = Uint32Array.of(1, 2);
  structuredClone(ids.buffer, { transfer: [ids.buffer] });
  return ids;
}
