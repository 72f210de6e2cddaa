import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type LoadOptions, loadModel, type ModelInfo } from '../../../src/index.ts';
import { MemoryCache } from '../../helpers/fakes/memory-cache.ts';
import { withVariables } from '../../helpers/fakes/globals.ts';
import { asBytes, GOOD_FILES } from '../../helpers/models/hostile-models.ts';
import { onlyHeads } from '../../helpers/servers/file-server.ts';
import { type Hub, serveHub } from '../../helpers/servers/hub-server.ts';
import { CANARY } from '../../helpers/checks/refused.ts';

const REPO = 'org/name';
const WEIGHTS = 'model.safetensors';
const IDS = [5, 6, 7, 8];
const OPTIONS = { simd: 'baseline', backend: 'wasm', cache: 'none' } as const;
const encode = (text: string) => new TextEncoder().encode(text);

const expected = await loadModel(asBytes(GOOD_FILES)!, OPTIONS).then((model) => model.logits(IDS));

const test = suite('loadModel() of an hf: address');

/** The model of an address has the logits of the one in memory. */
async function isSame(
  source: string | URL,
  { endpoint }: Hub,
  options: LoadOptions = {},
): Promise<ModelInfo> {
  using model = await loadModel(source, { ...OPTIONS, endpoint, ...options });
  assert.equal(await model.logits(IDS), expected);
  return model.info();
}

test('a repository, by name, revision and folder; each file is asked for once, the list never', async () => {
  const inFolder = new Map([...GOOD_FILES].map(([file, bytes]) => [`sub/${file}`, bytes]));
  await using hub = await serveHub({ [REPO]: GOOD_FILES, 'org/deep': inFolder }, {}, 'v1.0');
  for (const [source, revision, folder] of [
    ['hf:org/name', 'main', ''],
    ['hf:org/name@v1.0', 'v1.0', ''],
    [new URL('hf:org/name@v1.0'), 'v1.0', ''],
    ['hf:org/deep/sub', 'main', 'sub/'],
  ] as const) {
    await isSame(source, hub);
    const repo = folder === '' ? REPO : 'org/deep';
    const log = hub.hub.log.splice(0);
    for (const file of GOOD_FILES.keys()) {
      const line = `GET ${repo}/resolve/${revision}/${folder}${file} 0-`;
      assert.is(log.filter((one) => one === line).length, 1, log.join());
    }
    assert.is(new Set(log).size, log.length, log.join());
    assert.not(
      log.some((line) => line.includes('api/')),
      log.join(),
    );
    assert.equal(hub.storage.log.splice(0), [`GET ${repo}/${folder}${WEIGHTS} 0-`]);
  }
});

test('shards, whose index is found where there is no single file', async () => {
  const index = 'model.safetensors.index.json';
  const [shard, bytes] = ['model-1.safetensors', GOOD_FILES.get(WEIGHTS)!];
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))) as object;
  const map = Object.fromEntries(Object.keys(header).map((name) => [name, shard]));
  const files = new Map([
    ['config.json', GOOD_FILES.get('config.json')!],
    [index, encode(JSON.stringify({ weight_map: map }))],
    [shard, bytes],
  ]);
  await using hub = await serveHub({ [REPO]: files });
  await isSame('hf:org/name', hub);
  const asked = hub.hub.log.filter((line) => line.includes('model.safetensors'));
  assert.is(asked.length, 2, hub.hub.log.join());
});

test('the token is sent to the hub, and never to where it redirects', async () => {
  const token = `hf_${CANARY}`;
  await using hub = await serveHub({ [REPO]: GOOD_FILES }, { token });
  await withVariables({ HF_TOKEN: token }, async () => {
    await isSame('hf:org/name', hub);
    const asked = hub.tokens.hub.length;
    assert.ok(asked > 2);
    assert.equal(new Set(hub.tokens.hub), new Set([`Bearer ${token}`]));
    assert.equal(hub.tokens.storage, [undefined]);
    // an address that is none of the hub's gets none either
    await using other = await serveHub({ [REPO]: GOOD_FILES });
    const direct = `${other.endpoint}/org/name/resolve/main/`;
    (await loadModel(direct, OPTIONS)).dispose();
    assert.equal(new Set(other.tokens.hub), new Set([undefined]));
  });
});

test('a redirect to the same origin keeps the token, one to another drops it for good', async () => {
  await using other = await serveHub({ [REPO]: GOOD_FILES });
  const moved = new Map(
    [...GOOD_FILES].map(([file, bytes]) => [`moved-${file}`, bytes] as [string, Uint8Array]),
  );
  const files = new Map([...GOOD_FILES, ...moved]);
  let away = '';
  const seen: unknown[] = [];
  await using hub = await serveHub(
    { [REPO]: files },
    {
      hub({ file, query, authorization }) {
        if (query === '?back') seen.push(authorization);
        const location = file.replace(/^.*\//, 'moved-');
        if (file.endsWith('/config.json') && query === '')
          return { status: 307, headers: { location } };
        if (file.endsWith('moved-config.json') && query === '') {
          return { status: 302, headers: { location: `${away}config.json` } };
        }
        return undefined;
      },
    },
  );
  // and back again, where it could be read by whoever wrote the redirect
  const back = `${hub.endpoint}/org/name/resolve/main/config.json?back`;
  await using bounce = await serveHub(
    { [REPO]: GOOD_FILES },
    { hub: () => ({ status: 302, headers: { location: back } }) },
  );
  away = `${bounce.endpoint}/org/name/resolve/main/`;
  await withVariables({ HF_TOKEN: 'hf_x' }, () => isSame('hf:org/name', hub));
  assert.equal(bounce.tokens.hub, [undefined]);
  assert.equal(seen, [undefined]);
  assert.is(hub.hub.log.filter((line) => line.includes('moved-config')).length, 1);
  assert.ok(hub.tokens.hub.slice(0, 2).every((token) => token === 'Bearer hf_x'));
  assert.equal(other.hub.log, []);
});

test('HF_ENDPOINT is a mirror; the option goes before it', async () => {
  await using hub = await serveHub({ [REPO]: GOOD_FILES });
  await withVariables({ HF_ENDPOINT: hub.endpoint }, async () => {
    using model = await loadModel('hf:org/name', OPTIONS);
    assert.equal(await model.logits(IDS), expected);
  });
  await withVariables({ HF_ENDPOINT: 'http://127.0.0.1:1' }, () => isSame('hf:org/name', hub));
});

test('a connection that breaks: the hub is asked again, and the rest is read', async () => {
  const cutAfter = 100_000;
  await using hub = await serveHub(
    { [REPO]: GOOD_FILES },
    {
      storage: ({ nth }) => ({ headers: { etag: `"${nth}"` }, ...(nth === 0 && { cutAfter }) }),
    },
  );
  await isSame('hf:org/name', hub);
  const weights = `org/name/${WEIGHTS}`;
  // how much was read before the end came is the network's matter
  const starts = hub.storage.log.map((line) => Number(/ (\d+)-$/.exec(line)?.[1]));
  assert.equal(
    hub.storage.log.map((line) => line.replace(/ \d+-$/, '')),
    [`GET ${weights}`, `GET ${weights}`],
  );
  assert.is(starts[0], 0);
  assert.ok(starts[1]! > 0 && starts[1]! <= cutAfter);
});

test('a second load asks the hub for heads alone, and works without it', async () => {
  const cache = new MemoryCache();
  await using hub = await serveHub({ [REPO]: GOOD_FILES });
  await isSame('hf:org/name', hub, { cache });
  // what is signed anew each time is no key
  const weights = `${hub.endpoint}/org/name/resolve/main/${WEIGHTS}`;
  assert.is(cache.files.get(weights)?.facts.etag, '"linked"');
  hub.hub.log.length = 0;
  hub.storage.log.length = 0;
  await isSame('hf:org/name', hub, { cache });
  assert.ok(onlyHeads(hub.hub.log), hub.hub.log.join());
  assert.equal(hub.storage.log, []);
  await hub.hub.close();
  await isSame('hf:org/name', hub, { cache });
  assert.is(cache.unclosed, 0);
});

test('what the hub calls another version is fetched again', async () => {
  const cache = new MemoryCache();
  let etag = '"linked"';
  let storage = '';
  await using hub = await serveHub(
    { [REPO]: GOOD_FILES },
    {
      hub({ file }) {
        if (!file.endsWith(WEIGHTS)) return undefined;
        const location = `${storage}org/name/${WEIGHTS}`;
        return { status: 302, headers: { location, 'x-linked-etag': etag } };
      },
    },
  );
  storage = hub.storage.base;
  await isSame('hf:org/name', hub, { cache });
  etag = '"other"';
  await isSame('hf:org/name', hub, { cache });
  assert.is(hub.storage.log.length, 2);
  await isSame('hf:org/name', hub, { cache });
  assert.is(hub.storage.log.length, 2);
});

test('where a runtime hides redirects it follows them itself, and is asked so once', async () => {
  await using hub = await serveHub({ [REPO]: GOOD_FILES });
  const modes: string[] = [];
  const fetch = async (request: globalThis.Request): Promise<Response> => {
    modes.push(request.redirect);
    const response = await globalThis.fetch(request);
    if (request.redirect !== 'manual' || response.status !== 302) return response;
    return Object.defineProperties(new Response(), {
      type: { value: 'opaqueredirect' },
      status: { value: 0 },
    });
  };
  await withVariables({ HF_TOKEN: 'hf_x' }, () => isSame('hf:org/name', hub, { fetch }));
  // config.json needs none
  assert.equal(modes.slice(0, 3), ['manual', 'manual', 'follow']);
  assert.ok(modes.length > 3 && modes.slice(3).every((mode) => mode === 'follow'));
  // what the runtime does with a token is not known
  assert.equal(hub.tokens.storage, [undefined]);
});

test.run();
