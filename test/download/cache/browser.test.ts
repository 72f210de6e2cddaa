import { setTimeout as delay } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { responseCache, type ResponseStore } from '../../../src/download/cache/browser.ts';
import { openRuntimeCache } from '../../../src/download/cache/browser.ts';
import type { CachedFile, FileFacts } from '../../../src/download/cache/model-cache.ts';
import { CANARY, refused } from '../../helpers/checks/refused.ts';

const KEY = `http://me:${CANARY}@host/m/model.safetensors?token=${CANARY}`;
const FACTS: FileFacts = { size: 6, etag: '"é"' };

const test = suite('responseCache()');

/** Keeps responses as browsers do: whole, when `put` is done, and only then. */
class FakeStore implements ResponseStore {
  readonly kept = new Map<string, { headers: Headers; body: Uint8Array }>();
  /** Bytes a body may have, and bytes taken so far. */
  quota = Infinity;
  taken = 0;
  /** Called before each chunk is taken. */
  beforeTake: () => Promise<void> = async () => {};

  async match(key: RequestInfo | URL): Promise<Response | undefined> {
    const { headers, body } = this.kept.get(String(key)) ?? {};
    if (headers === undefined || body === undefined) return undefined;
    const pieces = [body.slice(0, 2), new Uint8Array(), body.slice(2)];
    const stream = new ReadableStream({
      pull(controller) {
        const piece = pieces.shift();
        if (piece === undefined) controller.close();
        else controller.enqueue(piece);
      },
    });
    return new Response(stream, { headers });
  }

  async put(key: RequestInfo | URL, response: Response): Promise<void> {
    const parts: Uint8Array[] = [];
    const reader = response.body!.getReader();
    for (;;) {
      await this.beforeTake();
      const { value } = await reader.read();
      if (value === undefined) break;
      parts.push(value);
      this.taken += value.byteLength;
      if (this.taken > this.quota) {
        const error = new DOMException('Quota exceeded.', 'QuotaExceededError');
        await reader.cancel(error);
        throw error;
      }
    }
    if (this.quota === 0) throw new DOMException('Quota exceeded.', 'QuotaExceededError');
    this.kept.set(String(key), { headers: response.headers, body: Buffer.concat(parts) });
  }
}

async function keep(
  store: ResponseStore,
  pieces: number[][] = [[1, 2, 3], [4, 5], [6]],
  facts = FACTS,
) {
  const writer = await responseCache(store).create(KEY, facts);
  const buffer = new Uint8Array(6);
  for (const piece of pieces) {
    buffer.set(piece);
    await writer.write(buffer.subarray(0, piece.length));
    // the caller's again
    buffer.fill(99);
  }
  return writer;
}

async function contents(file: CachedFile | undefined): Promise<number[]> {
  return [...(await file!.read(0, file!.facts.size))];
}

test('a file is there when it is committed, and not before', async () => {
  const store = new FakeStore();
  const cache = responseCache(store);
  const writer = await keep(store);
  assert.is(await cache.open(KEY), undefined);
  await writer.commit();
  const file = await cache.open(KEY);
  assert.equal(file?.facts, FACTS);
  assert.equal(await contents(file), [1, 2, 3, 4, 5, 6]);
  assert.is(await cache.open(`${KEY}&b=2`), undefined);
});

test('is read in order, and anywhere', async () => {
  const store = new FakeStore();
  await (await keep(store)).commit();
  const file = (await responseCache(store).open(KEY))!;
  assert.equal([...(await file.read(0, 1))], [1]);
  assert.equal([...(await file.read(1, 3))], [2, 3, 4]);
  assert.equal([...(await file.read(5, 1))], [6]);
  assert.equal([...(await file.read(1, 4))], [2, 3, 4, 5]);
  const target = new Uint8Array(2);
  await file.readInto!(3, target);
  assert.equal([...target], [4, 5]);
  await refused(() => file.read(4, 3), 'WEIGHTS_TRUNCATED');
  await file.close();
});

test('a piece is taken before the next is asked for', async () => {
  const store = new FakeStore();
  let release: () => void = assert.unreachable;
  store.beforeTake = () =>
    new Promise((resolve) => {
      release = resolve;
    });
  const writer = await responseCache(store).create(KEY, FACTS);
  const first = writer.write(Uint8Array.of(1));
  release();
  await first;
  let isDone = false;
  const second = writer.write(Uint8Array.of(2)).finally(() => {
    isDone = true;
  });
  await delay(20);
  assert.not(isDone);
  release();
  await second;
  assert.is(store.taken, 2);
  release();
  store.beforeTake = async () => {};
  await writer.abort();
});

test('over quota, in the middle or at the end: the error says so, and nothing is kept', async () => {
  for (const quota of [0, 2, 4]) {
    const store = new FakeStore();
    store.quota = quota;
    const error: unknown = await keep(store)
      .then((writer) => writer.commit())
      .catch((thrown: unknown) => thrown);
    assert.is((error as DOMException).name, 'QuotaExceededError', `${quota}`);
    assert.is(store.kept.size, 0);
  }
});

test('an aborted file is none, and the one before it stays', async () => {
  const store = new FakeStore();
  const aborted = await keep(store);
  await aborted.abort();
  await aborted.abort();
  assert.is(store.kept.size, 0);
  await (await keep(store)).commit();
  await (await keep(store, [[7]])).abort();
  assert.equal(await contents(await responseCache(store).open(KEY)), [1, 2, 3, 4, 5, 6]);
});

test('keys are addresses that tell no secret and that browsers take', async () => {
  const store = new FakeStore();
  const cache = responseCache(store);
  await (await keep(store)).commit();
  const [key, ...others] = store.kept.keys();
  assert.equal(others, []);
  assert.not(key!.includes(CANARY));
  assert.is(new Request(key!).url, key);
  assert.ok(key!.endsWith('/model.safetensors'));
  for (const other of [KEY.replace('me:', 'you:'), KEY.replace('/m/', '/n/'), `${KEY}&more`]) {
    assert.is(await cache.open(other), undefined, other);
  }
});

test('a file that is replaced while it is read is never two files mixed', async () => {
  const store = new FakeStore();
  await (await keep(store)).commit();
  const file = (await responseCache(store).open(KEY))!;
  assert.equal([...(await file.read(0, 1))], [1]);
  await (await keep(store, [[7, 7, 7, 7, 7, 7]], { size: 6, etag: '"2"' })).commit();
  // the response that was opened goes on
  assert.equal([...(await file.read(1, 2))], [2, 3]);
  await refused(() => file.read(0, 1), 'WEIGHTS_TRUNCATED');
});

test('a response of somebody else is none; a short one ends early', async () => {
  const store = new FakeStore();
  const cache = responseCache(store);
  await (await keep(store)).commit();
  await store.put([...store.kept.keys()][0]!, new Response('abc'));
  assert.is(await cache.open(KEY), undefined);
  await (await keep(store, [[1, 2, 3]])).commit();
  const file = await cache.open(KEY);
  await refused(() => contents(file), 'WEIGHTS_TRUNCATED');
});

test('openRuntimeCache() where there is no Cache API, or it must not be used', async () => {
  assert.equal((await openRuntimeCache()).info, {
    kind: 'none',
    reason: 'no Cache API: the page is not a secure context',
  });
  Object.defineProperty(globalThis, 'caches', { get: refuse, configurable: true });
  try {
    assert.is((await openRuntimeCache()).info.reason, 'no Cache API: private');
  } finally {
    Reflect.deleteProperty(globalThis, 'caches');
  }
});

test.run();

function refuse(): never {
  throw new DOMException('private', 'SecurityError');
}
