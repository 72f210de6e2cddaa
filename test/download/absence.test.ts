import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bytesSource } from '../../src/format/files/byte-source.ts';
import { readSafetensorsHeader } from '../../src/format/tensors/safetensors.ts';
import { type LoadOptions, loadModel } from '../../src/index.ts';
import { type Fault, type Request, serveFiles } from '../helpers/servers/file-server.ts';
import { GOOD_FILES } from '../helpers/models/hostile-models.ts';
import { MemoryCache } from '../helpers/fakes/memory-cache.ts';
import { refused } from '../helpers/checks/refused.ts';

const WEIGHTS = 'model.safetensors';
const CONFIG = 'config.json';
const SHARD = 'model-1.safetensors';
const PAGE = { headers: { 'content-type': 'text/html' }, body: '<!doctype html>' };
/** How servers say that they have no such file. */
const ABSENCES: [string, Fault][] = [
  ['404', { status: 404 }],
  ['403', { status: 403 }],
  ['a page', { ...PAGE, ignoresRange: true, status: 200 }],
  ['a page by parts', { ...PAGE, status: 206 }],
];

const test = suite('files that a server lacks, hides or refuses');

/** Loads the model, and lets it go. */
async function load(source: string, options: LoadOptions): Promise<void> {
  (await loadModel(source, { simd: 'baseline', backend: 'wasm', ...options })).dispose();
}

/** Has what files are not there answered by `absence`. */
function lacking(absence: Fault, files: ReadonlyMap<string, Uint8Array> = GOOD_FILES) {
  return ({ file }: Request) => (files.has(file) ? undefined : absence);
}

for (const [what, absence] of ABSENCES) {
  test(`${what} for what it lacks: loads, and again without a network`, async () => {
    const cache = new MemoryCache();
    await using server = await serveFiles(GOOD_FILES, lacking(absence));
    const { base, log } = server;
    await load(base, { cache });
    assert.is(cache.names().filter((name) => name.startsWith('(')).length, 5);
    log.length = 0;
    await load(base, { cache });
    assert.not(
      log.some((line) => / \d+-$/.test(line)),
      log.join(),
    );
    await server.close();
    await load(base, { cache });
  });

  test(`${what} for the single file: the index is read`, async () => {
    const index = JSON.stringify({ weight_map: await namesIn(SHARD) });
    const files = new Map([
      [CONFIG, GOOD_FILES.get(CONFIG)!],
      ['model.safetensors.index.json', new TextEncoder().encode(index)],
      [SHARD, GOOD_FILES.get(WEIGHTS)!],
    ]);
    await using server = await serveFiles(files, lacking(absence, files));
    await load(server.base, { cache: 'none' });
  });
}

test('without a network a file that is not kept is named, at once', async () => {
  const cache = new MemoryCache();
  await using server = await serveFiles(GOOD_FILES, lacking({ status: 404 }));
  await load(server.base, { cache });
  await server.close();
  cache.files.delete(`${server.base}generation_config.json`);
  await refused(() => load(server.base, { cache }), 'MODEL_NOT_FOUND', /"generation_config\.json"/);
});

for (const status of [401, 403]) {
  test(`${status}: a kept file is not for whom the server refuses it`, async () => {
    const cache = new MemoryCache();
    let isRefused = false;
    await using server = await serveFiles(GOOD_FILES, ({ file }) =>
      isRefused && GOOD_FILES.has(file) ? { status } : undefined,
    );
    await load(server.base, { cache });
    isRefused = true;
    const error = await refused(() => load(server.base, { cache }), 'MODEL_NOT_FOUND');
    assert.ok(error.message.includes(`HTTP status ${status}`), error.message);
    isRefused = false;
    await load(server.base, { cache });
  });
}

const SILENT = { etag: undefined, 'content-length': undefined, 'transfer-encoding': 'chunked' };

/** What a server answers to HEAD, and whether the headers of one byte are asked for then. */
const HEADS: [Fault, boolean][] = [
  ...[401, 403, 405, 501].map((status): [Fault, boolean] => [{ status }, true]),
  [{ status: 500 }, false],
  [{ headers: SILENT }, false],
];

for (const [head, isAsked] of HEADS) {
  test(`${JSON.stringify(head)} to HEAD alone: the kept file is used`, async () => {
    const cache = new MemoryCache();
    let etag = '"1"';
    const fault = ({ method }: Request) => (method === 'HEAD' ? head : { headers: { etag } });
    await using server = await serveFiles(GOOD_FILES, fault);
    const { base, log } = server;
    await load(base, { cache });
    log.length = 0;
    await load(base, { cache });
    const whole = log.filter((line) => /^GET (config|model)\S* 0-$/.test(line));
    assert.equal(whole, []);
    assert.is(log.includes(`GET ${WEIGHTS} 0-0`), isAsked, log.join());
    if (!isAsked) return;
    etag = '"2"';
    await load(base, { cache });
    assert.ok(log.includes(`GET ${WEIGHTS} 0-`), log.join());
  });
}

test('a page for every file, or 404 for a while, costs no kept model', async () => {
  const cache = new MemoryCache();
  let fault: Fault | undefined;
  let present = new Set<string>();
  await using server = await serveFiles(GOOD_FILES, ({ file }) =>
    present.has(file) ? undefined : fault,
  );
  await load(server.base, { cache });
  const kept = cache.names();
  for (const [what, absence] of ABSENCES) {
    if (absence.body === undefined) continue;
    fault = absence;
    await load(server.base, { cache }).catch((error: Error) =>
      assert.unreachable(`${what}: ${error.message}`),
    );
  }
  for (const found of [[], [CONFIG]]) {
    present = new Set(found);
    fault = { status: 404 };
    await refused(() => load(server.base, { cache }), 'MODEL_NOT_FOUND');
    const now = cache.names();
    assert.ok(
      kept.every((name) => now.includes(name)),
      now.join(),
    );
  }
});

test.run();

/** The tensors of the good model, all in `shard`. */
async function namesIn(shard: string): Promise<Record<string, string>> {
  const header = await readSafetensorsHeader(bytesSource(WEIGHTS, GOOD_FILES.get(WEIGHTS)!));
  return Object.fromEntries([...header.keys()].map((name) => [name, shard]));
}
