import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type FileSystem, folderCache } from '../../../src/download/cache/folder.ts';
import type { FileFacts, ModelCache } from '../../../src/download/cache/model-cache.ts';
import { loadModel, type LoadOptions } from '../../../src/index.ts';
import { serveFiles } from '../../helpers/servers/file-server.ts';
import { GOOD_FILES } from '../../helpers/models/hostile-models.ts';
import { CANARY } from '../../helpers/checks/refused.ts';

const KEY = `http://me:${CANARY}@host/m/model.safetensors?token=${CANARY}`;
const PIECES = [Uint8Array.of(1, 2, 3), new Uint8Array(), Uint8Array.of(4, 5)];
const FACTS: FileFacts = { size: 5, etag: '"é"', modified: 'today' };
const DAY_MS = 24 * 60 * 60 * 1000;

const test = suite<{ folder: string }>('folderCache()');

test.before.each(async (context) => {
  context.folder = join(await fs.mkdtemp(join(tmpdir(), 'tpa-cache-')), 'deep', 'er');
});
test.after.each(({ folder }) => fs.rm(join(folder, '../..'), { recursive: true, force: true }));

/** Keeps the file of five bytes. */
async function keep(cache: ModelCache, key = KEY): Promise<void> {
  const writer = await cache.create(key, FACTS);
  for (const piece of PIECES) await writer.write(piece);
  await writer.commit();
}

async function names(folder: string): Promise<string[]> {
  return fs.readdir(folder).catch(() => []);
}

test('a file is there when it is committed, and not before', async ({ folder }) => {
  const cache = folderCache(folder, fs);
  assert.is(await cache.open(KEY), undefined);
  const writer = await cache.create(KEY, FACTS);
  for (const piece of PIECES) await writer.write(piece);
  assert.is(await cache.open(KEY), undefined);
  await writer.commit();
  const file = (await cache.open(KEY))!;
  assert.equal(file.facts, FACTS);
  assert.equal([...(await file.read(0, 5))], [1, 2, 3, 4, 5]);
  const target = new Uint8Array(2);
  await file.readInto!(2, target);
  assert.equal([...target], [3, 4]);
  await file.close();
  await file.close();
  assert.is(await cache.open(`${KEY}&more`), undefined);
});

test('names and contents of the folder tell no address; files are of the user alone', async ({
  folder,
}) => {
  await keep(folderCache(folder, fs));
  const [name, ...others] = await names(folder);
  assert.equal(others, []);
  assert.match(name!, /^[0-9a-f]{64}$/);
  const path = join(folder, name!);
  assert.not.ok((await fs.readFile(path)).includes(CANARY));
  assert.is((await fs.stat(path)).mode & 0o777, 0o600);
  assert.is((await fs.stat(folder)).mode & 0o777, 0o700);
});

test('an aborted file leaves nothing, and the one before it stays', async ({ folder }) => {
  const cache = folderCache(folder, fs);
  await keep(cache);
  const writer = await cache.create(KEY, { ...FACTS, etag: '"2"' });
  await writer.write(PIECES[0]!);
  await writer.abort();
  await writer.abort();
  assert.is((await names(folder)).length, 1);
  const file = (await cache.open(KEY))!;
  assert.is(file.facts.etag, FACTS.etag);
  await file.close();
});

test('the last of two that write the same file wins; who reads the first goes on', async ({
  folder,
}) => {
  const cache = folderCache(folder, fs);
  await keep(cache);
  const reader = (await cache.open(KEY))!;
  const writers = await Promise.all(
    ['"a"', '"b"'].map((etag) => folderCache(folder, fs).create(KEY, { size: 1, etag })),
  );
  await Promise.all(writers.map((writer, i) => writer.write(Uint8Array.of(i))));
  await writers[0]!.commit();
  await writers[1]!.commit();
  assert.equal([...(await reader.read(3, 2))], [4, 5]);
  await reader.close();
  const file = (await cache.open(KEY))!;
  assert.is(file.facts.etag, '"b"');
  assert.equal([...(await file.read(0, 1))], [1]);
  await file.close();
  assert.is((await names(folder)).length, 1);
});

test('what is cut, longer, or no file of ours is none', async ({ folder }) => {
  const cache = folderCache(folder, fs);
  await keep(cache);
  const path = join(folder, (await names(folder))[0]!);
  const good = await fs.readFile(path);
  for (let length = 0; length < good.byteLength; length++) {
    await fs.writeFile(path, good.subarray(0, length));
    assert.is(await cache.open(KEY), undefined, `${length}`);
  }
  await fs.writeFile(path, Buffer.concat([good, Buffer.of(0)]));
  assert.is(await cache.open(KEY), undefined, 'longer');
  for (const text of ['{}', 'null', '7', '{"size":-1}', '{"size":0.5}', '{"size":"5"}', '{']) {
    const head = Buffer.alloc(4);
    head.writeUint32LE(text.length);
    await fs.writeFile(path, Buffer.concat([head, Buffer.from(text), Buffer.alloc(5)]));
    assert.is(await cache.open(KEY), undefined, text);
  }
  await fs.writeFile(path, Buffer.alloc(2 ** 16, 255));
  assert.is(await cache.open(KEY), undefined, 'long facts');
  await keep(cache);
  await (await cache.open(KEY))!.close();
});

test('what dead downloads have left is removed after a day', async ({ folder }) => {
  await fs.mkdir(folder, { recursive: true });
  const old = new Date(Date.now() - DAY_MS - 60_000);
  for (const name of ['a.partial', 'b.partial', 'c', 'd.partial']) {
    await fs.writeFile(join(folder, name), 'x');
    if (name !== 'd.partial') await fs.utimes(join(folder, name), old, old);
  }
  await keep(folderCache(folder, fs));
  assert.equal(
    (await names(folder)).filter((name) => name.length < 64),
    ['c', 'd.partial'],
  );
});

test('what was not used for 30 days goes with the next download; to open it is to use it', async ({
  folder,
}) => {
  const keys = ['used', 'unused', 'recent'].map((token) => `http://host/file?token=${token}`);
  const [used, unused, recent] = keys as [string, string, string];
  const fresh = () => folderCache(folder, fs);
  for (const key of keys) {
    const before = await names(folder);
    await keep(fresh(), key);
    const mine = (await names(folder)).find((name) => !before.includes(name));
    const days = key === recent ? 29 : 31;
    const then = new Date(Date.now() - days * DAY_MS);
    await fs.utimes(join(folder, mine!), then, then);
    if (key === used) await (await fresh().open(key))!.close();
  }
  await fs.writeFile(join(folder, 'of-somebody-else'), '');
  await fs.utimes(join(folder, 'of-somebody-else'), 1, 1);
  await keep(fresh());
  assert.is(await fresh().open(unused), undefined);
  for (const key of [used, recent, KEY]) await (await fresh().open(key))!.close();
  assert.ok((await names(folder)).includes('of-somebody-else'));
});

test('a load whose file system fails, at any operation, goes on and leaves no partial file', async ({
  folder,
}) => {
  await using server = await serveFiles(GOOD_FILES);
  const counter = failing(Infinity);
  await load(server.base, { cache: folderCache(folder, counter.fs) });
  const operations = counter.count();
  assert.ok(operations > 40, `${operations}`);
  for (let nth = 0; nth < operations; nth++) {
    await fs.rm(folder, { recursive: true });
    const { fs: spoiled, count, failed } = failing(nth);
    const info = await load(server.base, { cache: folderCache(folder, spoiled) });
    assert.ok(count() > nth);
    const isHarmless = ['readdir', 'stat', 'utimes', 'FileHandle.close'].includes(failed());
    if (!isHarmless) {
      assert.equal(info, { kind: 'none', reason: 'ENOSPC: no space left' }, `${nth} ${failed()}`);
    }
    const left = (await names(folder)).filter((name) => name.endsWith('.partial'));
    assert.equal(left, failed() === 'rm' ? left : [], `${nth} ${failed()}`);
    const again = await load(server.base, { cache: folderCache(folder, fs) });
    assert.is(again.kind, 'custom');
  }
});

test('a load from the folder whose file system fails, at any operation, fetches what it must', async ({
  folder,
}) => {
  await using server = await serveFiles(GOOD_FILES);
  await load(server.base, { cache: folderCache(folder, fs) });
  const counter = failing(Infinity);
  await load(server.base, { cache: folderCache(folder, counter.fs) });
  for (let nth = 0; nth < counter.count(); nth++) {
    const { fs: spoiled, failed } = failing(nth);
    const info = await load(server.base, { cache: folderCache(folder, spoiled) });
    const isTold = failed() === 'open' || failed() === 'FileHandle.stat';
    if (isTold) assert.is(info.kind, 'none', `${nth} ${failed()}`);
    assert.is((await names(folder)).length, 7, `${nth} ${failed()}`);
  }
});

test('aborted at any moment: the folder has whole files only', async ({ folder }) => {
  await using server = await serveFiles(GOOD_FILES);
  for (let milliseconds = 0; milliseconds < 60; milliseconds += 3) {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), milliseconds);
    const options = { cache: folderCache(folder, fs), signal: controller.signal };
    await load(server.base, options).catch(() => {});
    const left = (await names(folder)).filter((name) => name.endsWith('.partial'));
    assert.equal(left, [], `${milliseconds} ms`);
  }
});

test.run();

async function load(base: string, options: LoadOptions) {
  using model = await loadModel(base, {
    simd: 'baseline',
    backend: 'wasm',
    cache: 'none',
    ...options,
  });
  return model.info().cache;
}

/** A file system whose operation number `nth` fails, those of files among them. */
function failing(nth: number): {
  readonly fs: FileSystem;
  readonly count: () => number;
  readonly failed: () => string;
} {
  let count = 0;
  let failed = '';
  const spoil = <T extends object>(target: T, prefix: string): T =>
    new Proxy(target, {
      get(_, property) {
        const value: unknown = Reflect.get(target, property);
        if (typeof value !== 'function') return value;
        return async (...values: unknown[]) => {
          if (count++ === nth) {
            // a file is closed even where closing it fails
            if (property === 'close') await Reflect.apply(value, target, values);
            failed = `${prefix}${String(property)}`;
            throw Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' });
          }
          const result: unknown = await Reflect.apply(value, target, values);
          const isHandle = property === 'open' && typeof result === 'object' && result !== null;
          return isHandle ? spoil(result, 'FileHandle.') : result;
        };
      },
    });
  return { fs: spoil<FileSystem>({ ...fs }, ''), count: () => count, failed: () => failed };
}
