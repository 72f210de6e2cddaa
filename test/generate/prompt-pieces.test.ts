import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Session } from '../../src/generate/session.ts';
import type { SessionHost } from '../../src/generate/session-host.ts';
import { Chat } from '../../src/text/chat.ts';
import { readPieces } from '../../src/text/prompt.ts';
import { FakeBackend } from '../helpers/fakes/fake-backend.ts';
import { settle } from '../helpers/fakes/silence.ts';
import { byteTokenizer } from '../helpers/models/byte-tokenizer.ts';
import { chatSource } from '../helpers/models/chat.ts';
import { refused } from '../helpers/checks/refused.ts';
import { readAll, refusesCalls } from '../helpers/sessions/sessions.ts';

const test = suite('a prompt that comes in pieces');

/** Pieces of a prompt, counted; never ends unless told when. */
function countedPieces(piece: readonly number[], count = Infinity) {
  const seen = { pieces: 0, isClosed: false };
  function* make(): Generator<readonly number[]> {
    try {
      while (seen.pieces < count) {
        seen.pieces++;
        yield piece;
      }
    } finally {
      seen.isClosed = true;
    }
  }
  return { seen, make };
}

/** A session whose tokenizer gives these pieces for every text. */
function setUp(pieces: (text: string) => Iterable<readonly number[]>, contextLength = 64) {
  const backend = new FakeBackend({ vocabSize: 257, contextLength });
  const tokenizer = { ...byteTokenizer, pieces };
  const chat = new Chat(chatSource('{{ messages[0].content }}'), tokenizer);
  const host: SessionHost = { backend, tokenizer, eosTokenIds: [], chat, sessions: new Set() };
  return { backend, session: new Session(host) };
}

test('readPieces(): a macrotask passes after 8 ms of work, not after each piece', async () => {
  const { seen, make } = countedPieces([1], 20);
  let now = 0;
  const clock = { now: () => now++ };
  let asked = 0;
  const isCancelled = () => {
    asked++;
    return false;
  };
  assert.is((await readPieces(make(), () => {}, isCancelled, clock))!.length, 20);
  assert.is(seen.pieces, 20);
  assert.is(asked, 2, 'every 9 readings of the clock');
});

test('readPieces(): once cancelled, no other piece is asked for', async () => {
  const { seen, make } = countedPieces([1]);
  let now = 0;
  const clock = { now: () => (now += 10) };
  assert.is(
    await readPieces(
      make(),
      () => {},
      () => seen.pieces === 3,
      clock,
    ),
    undefined,
  );
  assert.equal(seen, { pieces: 3, isClosed: true });
});

test('a signal, a reader that leaves and dispose() end a text that never ends', async () => {
  for (const way of ['signal', 'return', 'dispose'] as const) {
    const { seen, make } = countedPieces([]);
    const { backend, session } = setUp(make);
    await session.prefill([1, 2]);
    const controller = new AbortController();
    const generation = session.generate('x', { signal: controller.signal });
    const steps = generation[Symbol.asyncIterator]();
    const first = steps.next();
    await settle();
    if (way === 'signal') controller.abort();
    if (way === 'return') void steps.return!();
    if (way === 'dispose') {
      session.dispose();
      await refused(() => first, 'DISPOSED');
      await refusesCalls(session, 'DISPOSED');
    } else {
      assert.is((await first).done, true, way);
      assert.is(generation.finishReason, 'abort');
      assert.equal(session.tokens, [1, 2]);
      await session.prefill([3]);
    }
    assert.ok(seen.pieces > 0 && seen.isClosed, way);
    assert.equal(backend.calls, way === 'dispose' ? [2] : [2, 1]);
  }
});

test('more ids than the context holds: CONTEXT_OVERFLOW with the first piece that does not fit', async () => {
  for (const prompt of ['x', [5, ...Array<number>(63).fill(7)]] as const) {
    const { seen, make } = countedPieces([1, 2, 3]);
    const { backend, session } = setUp(make);
    await session.prefill([1, 2, 3, 4]);
    const text = typeof prompt === 'string';
    const generation = session.generate(text ? prompt : [...prompt]);
    const error = await refused(() => readAll(generation), 'CONTEXT_OVERFLOW');
    assert.equal(error.data, text ? { asked: 4 + 63, limit: 64 } : { asked: 4 + 64, limit: 64 });
    assert.equal(seen, text ? { pieces: 21, isClosed: true } : { pieces: 0, isClosed: false });
    assert.equal([session.length, backend.calls], [4, [4]]);
    await session.prefill([1]);
  }
});

test('a conversation is the whole: what the session holds does not count', async () => {
  const { session } = setUp(byteTokenizer.pieces, 40);
  await session.prefill(Array<number>(35).fill(9));
  const messages = [{ role: 'user', content: 'x'.repeat(30) }];
  await session.generate({ messages }, { maxTokens: 1 }).text();
  assert.is(session.length, 31);
  const long = [{ role: 'user', content: 'x'.repeat(41) }];
  const error = await refused(
    () => session.generate({ messages: long }).text(),
    'CONTEXT_OVERFLOW',
  );
  assert.is(error.data['limit'], 40);
  assert.is(session.length, 31);
});

test.run();
