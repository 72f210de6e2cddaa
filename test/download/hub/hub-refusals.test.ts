import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type LoadOptions, loadModel } from '../../../src/index.ts';
import { MemoryCache } from '../../helpers/fakes/memory-cache.ts';
import { withVariables } from '../../helpers/fakes/globals.ts';
import { GOOD_FILES } from '../../helpers/models/hostile-models.ts';
import { type Hub, type Repository, serveHub } from '../../helpers/servers/hub-server.ts';
import { assertMistakes, CANARY, outcomeOf, refused } from '../../helpers/checks/refused.ts';

const REPO = 'org/name';
const WEIGHTS = 'model.safetensors';
const OPTIONS = { simd: 'baseline', backend: 'wasm', cache: 'none' } as const;
const encode = (text: string) => new TextEncoder().encode(text);

const test = suite('what a hub refuses');

/** Loads a model of a hub, and lets it go. */
async function load(
  source: string,
  { endpoint }: Pick<Hub, 'endpoint'>,
  options: LoadOptions = {},
): Promise<void> {
  (await loadModel(source, { ...OPTIONS, endpoint, ...options })).dispose();
}

/** A repository without a model in safetensors. */
function repositoryOf(...paths: readonly string[]): Repository {
  return new Map(paths.map((path) => [path, encode('GGUF')]));
}

test('private and gated models, and what is not there: the address, why, and what to do', async () => {
  const gated = { 'x-error-code': 'GatedRepo' };
  const cases: [string, RegExp][] = [
    [
      'hf:org/name',
      /config\.json: HTTP status 401, .*private or gated: set HF_TOKEN .*licence at http:\/\/\S*\/m\/org\/name where/,
    ],
    ['hf:org/gated', /HTTP status 403, the model is private or gated: .*HF_TOKEN/],
    ['hf:org/nothing', /there is no model "org\/nothing"/],
    ['hf:org/open@v9', /the model "org\/open" has no revision "v9"/],
  ];
  await using hub = await serveHub(
    { [REPO]: GOOD_FILES, 'org/gated': GOOD_FILES, 'org/open': GOOD_FILES },
    {
      hub({ file, authorization }) {
        if (file.startsWith('org/gated')) return { status: 403, headers: gated, body: CANARY };
        if (!file.startsWith('org/name') || authorization) return undefined;
        return { status: 401, body: CANARY };
      },
    },
  );
  const { endpoint } = hub;
  await withVariables({}, async () => {
    for (const [source, message] of cases) {
      const error = await refused(() => load(source, hub), 'MODEL_NOT_FOUND', source, message);
      assert.ok(error.message.includes(endpoint), error.message);
    }
  });
  await withVariables({ HF_TOKEN: `hf_${CANARY}` }, async () => {
    await load('hf:org/name', hub);
    await refused(
      () => load('hf:org/gated', hub),
      'MODEL_NOT_FOUND',
      /403, .*accept its licence at \S*, or set HF_TOKEN/,
    );
  });
});

test('a refusal in the middle of a model, a page for any file: no model, and nothing half kept', async () => {
  const page = { headers: { 'content-type': 'text/html; charset=utf-8' }, body: CANARY };
  for (const [fault, message] of [
    [{ status: 403 }, /HTTP status 403/],
    [{ status: 401 }, /HTTP status 401/],
    [{ ...page, status: 200, ignoresRange: true }, /an HTML page in place of a file/],
    [{ ...page, status: 206 }, /an HTML page in place of a file/],
  ] as const) {
    for (const at of ['config.json', WEIGHTS, 'tokenizer.json']) {
      const cache = new MemoryCache();
      await using hub = await serveHub(
        { [REPO]: GOOD_FILES },
        { hub: ({ file }) => (file.endsWith(at) ? fault : undefined) },
      );
      const error = await refused(
        () => load('hf:org/name', hub, { cache }),
        'MODEL_NOT_FOUND',
        at,
        message,
      );
      assert.ok(error.message.includes(`${hub.endpoint}/org/name/resolve/main/${at}`));
      assert.is(cache.unclosed, 0);
      assert.not(cache.names().includes(at));
      assert.is(hub.hub.connections() + hub.storage.connections(), 0);
    }
  }
});

test('a kept model is not for whom the hub refuses it', async () => {
  const cache = new MemoryCache();
  let status = 0;
  await using hub = await serveHub(
    { [REPO]: GOOD_FILES },
    { hub: () => (status === 0 ? undefined : { status }) },
  );
  await load('hf:org/name', hub, { cache });
  for (status of [401, 403]) {
    await refused(
      () => load('hf:org/name', hub, { cache }),
      'MODEL_NOT_FOUND',
      /HTTP status 40[13]/,
    );
  }
  status = 0;
  await load('hf:org/name', hub, { cache });
});

test('several models in GGUF, or none: what to pass is listed', async () => {
  const quantised = ['a-Q4_K_M.gguf', 'a-Q8_0.gguf', 'big/b-00001-of-00002.gguf'];
  const others = ['big/b-00002-of-00002.gguf', 'mmproj-a-f16.gguf', 'a.imatrix', 'README.md'];
  const many = Array.from({ length: 50 }, (_, i) => `m-${i}.gguf`);
  await using hub = await serveHub(
    {
      'org/several': repositoryOf(...quantised, ...others),
      'org/both': repositoryOf('config.json', 'x.gguf', 'y.gguf', `${CANARY}\nz.gguf`),
      'org/many': repositoryOf(...many),
      'org/torch': repositoryOf('config.json', 'pytorch_model.bin'),
      'org/empty': repositoryOf(),
    },
    {},
    'v1',
  );
  const list = (at: string) => quantised.map((path) => `hf:org/several${at}/${path}`).join(', ');
  const cases: [string, string][] = [
    ['hf:org/several', `found 3 in GGUF: pass one of ${list('')}`],
    ['hf:org/several@v1', `found 3 in GGUF: pass one of ${list('@v1')}`],
    ['hf:org/both', 'found 2 in GGUF: pass one of hf:org/both/x.gguf, hf:org/both/y.gguf'],
    ['hf:org/many', 'hf:org/many/m-39.gguf and 10 more'],
    ['hf:org/torch', 'found 2 other files: .* tpa convert'],
    ['hf:org/empty', 'found nothing: check its name$'],
    ['hf:org/several/sub', 'found nothing: check its name$'],
  ];
  for (const [source, message] of cases) {
    const told = new RegExp(`^"${source}" .*${message}`);
    await refused(() => load(source, hub), 'MODEL_NOT_FOUND', source, told);
  }
});

test('a list of files that is none', async () => {
  const lists: [string, RegExp][] = [
    ['', /found other text$/],
    [`{"siblings":${CANARY}`, /found other text$/],
    ['[]', /found no list of them$/],
    ['null', /found no list of them$/],
    ['{"siblings":{}}', /found no list of them$/],
    [
      '{"siblings":[null,5,{},{"rfilename":5},{"rfilename":"../x.gguf"}]}',
      /found nothing: check its name$/,
    ],
    ['['.repeat(100), /found more$/],
  ];
  for (const [body, message] of lists) {
    await using hub = await serveHub(
      { [REPO]: repositoryOf('x.gguf') },
      { hub: ({ file }) => (file.startsWith('api/') ? { body, ignoresRange: true } : undefined) },
    );
    await refused(() => load('hf:org/name', hub), 'MODEL_NOT_FOUND', body, message);
  }
  const large = new Uint8Array(5 * 2 ** 20).fill(0x20);
  await using hub = await serveHub(
    { [REPO]: repositoryOf('x.gguf') },
    { hub: ({ file }) => (file.startsWith('api/') ? { body: large } : undefined) },
  );
  await refused(() => load('hf:org/name', hub), ['RESOURCE_LIMIT', 'WEIGHTS_TRUNCATED']);
});

test('redirects that do not end, or lead out of the web, give no answer', async () => {
  for (const location of [
    'config.json',
    'data:application/json,{}',
    'file:///etc/passwd',
    'http://',
  ]) {
    let asked = 0;
    const fetch = async ({ url, redirect }: globalThis.Request): Promise<Response> => {
      asked++;
      assert.is(redirect, 'manual');
      assert.match(url, /^https:\/\/hub\.test\//);
      return new Response(null, { status: 302, headers: { location } });
    };
    const controller = new AbortController();
    const { signal } = controller;
    const options = { ...OPTIONS, endpoint: 'https://hub.test', fetch, signal };
    // the tries are over when the first pause begins
    const loading = outcomeOf(() => loadModel('hf:org/name', options));
    setTimeout(() => controller.abort(), 100);
    await refused(() => loading, 'ABORTED', location);
    assert.is(asked, location === 'config.json' ? 21 : 1, location);
  }
});

/** A hub that redirects to where Deno may not go. */
async function denied({ url }: globalThis.Request): Promise<Response> {
  if (url.startsWith('https://hub.test/')) {
    const location = `https://storage.test/x?signature=${CANARY}`;
    return new Response(null, { status: 302, headers: { location } });
  }
  const error = new Error(`Requires net access to (${url})`);
  throw new TypeError(`cannot send (${url})`, {
    cause: Object.assign(error, { name: 'NotCapable' }),
  });
}

test('a redirect that may not be followed: why, without what signs the address', async () => {
  const found =
    /no answer: cannot send \(https:\/\/storage\.test\/x\): Requires net access to \(https:\/\/storage\.test\/x\)$/;
  const hub = { endpoint: 'https://hub.test' };
  await refused(() => load('hf:org/name', hub, { fetch: denied }), 'MODEL_NOT_FOUND', found);
});

test('"source", "endpoint" and the environment are checked before anything is asked for', async () => {
  let asked = 0;
  const fetch = async () => {
    asked++;
    return new Response();
  };
  const from =
    (source: string, options: LoadOptions = {}) =>
    () =>
      loadModel(source, { ...OPTIONS, fetch, ...options });
  const other = { endpoint: 'https://b.test' };
  await assertMistakes([
    [from('hf:'), TypeError, /^"source" expected hf:ORG\/NAME/],
    [from('hf:org/name', { endpoint: 'x' }), TypeError, /^"endpoint" expected an http/],
    [from('hf:org/name', { endpoint: 5 as never }), TypeError, /^"endpoint" expected a string/],
    [from('https://a.test', other), TypeError, /^"endpoint" expected an hf:/],
  ]);
  await withVariables({ HF_TOKEN: '\u00E9' }, () =>
    assertMistakes([[from('hf:org/name'), TypeError, /^"HF_TOKEN" expected/]]),
  );
  assert.is(asked, 0);
});

test.run();
