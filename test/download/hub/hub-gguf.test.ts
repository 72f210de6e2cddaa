import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { estimateModel, type LoadOptions, loadModel } from '../../../src/index.ts';
import { buildGguf, partName, splitGguf } from '../../helpers/files/build-gguf.ts';
import { chatGgufParts } from '../../helpers/files/chat-gguf.ts';
import { byteLevelMetadata } from '../../helpers/files/gguf-vocabulary.ts';
import { MemoryCache } from '../../helpers/fakes/memory-cache.ts';
import { GOOD_FILES } from '../../helpers/models/hostile-models.ts';
import { onlyHeads } from '../../helpers/servers/file-server.ts';
import { type Hub, serveHub } from '../../helpers/servers/hub-server.ts';
import { refused } from '../../helpers/checks/refused.ts';

const IDS = [5, 6, 7, 8];
const OPTIONS = { simd: 'baseline', backend: 'wasm', cache: 'none' } as const;
const PARTS = chatGgufParts(byteLevelMetadata());
const FILE = buildGguf(PARTS);
const SPLIT = splitGguf(PARTS, 2);
const PROJECTOR = new Uint8Array(8);

const expected = await loadModel(FILE, OPTIONS).then((model) => model.logits(IDS));

const test = suite('loadModel() of an hf: address of GGUF files');

async function isSame(source: string, hub: Hub, options: LoadOptions = {}): Promise<void> {
  const { endpoint } = hub;
  using model = await loadModel(source, { ...OPTIONS, endpoint, ...options });
  assert.equal(await model.logits(IDS), expected, source);
}

/** The parts of the model, in a folder of a repository. */
function splitFiles(folder: string): Map<string, Uint8Array> {
  return new Map(Array.from(SPLIT, ([name, part]) => [`${folder}${name}`, part]));
}

test('the only model of a repository, whole or in parts, and any that is named', async () => {
  const both = new Map([...GOOD_FILES, ['a b+(é).gguf', FILE], ['sub/Q4.gguf', FILE]]);
  await using hub = await serveHub(
    {
      'org/one': new Map([
        ['README.md', PROJECTOR],
        ['mmproj-f16.gguf', PROJECTOR],
        ['one.Q8_0.gguf', FILE],
      ]),
      'org/split': splitFiles('Q8/'),
      // for the tokenizer of some programs: no weights go with it
      'org/config': new Map([
        ['config.json', GOOD_FILES.get('config.json')!],
        ['one.gguf', FILE],
      ]),
      'org/both': both,
    },
    {},
    'v1',
  );
  for (const source of [
    'hf:org/one',
    'hf:org/one@v1',
    'hf:org/one/one.Q8_0.gguf',
    'hf:org/split',
    'hf:org/split/Q8',
    'hf:org/both@v1/sub',
    `hf:org/split@v1/Q8/${partName(1, 2)}`,
    'hf:org/config',
    'hf:org/both/a b+(é).gguf',
    'hf:org/both@v1/sub/Q4.gguf',
  ]) {
    hub.hub.log.length = 0;
    await isSame(source, hub);
    const lists = hub.hub.log.filter((line) => line.includes('api/models'));
    assert.is(lists.length, source.includes('.gguf') ? 0 : 1, source);
    assert.is(new Set(hub.hub.log).size, hub.hub.log.length, hub.hub.log.join());
  }
});

test('a second load asks for heads alone, and works without the hub', async () => {
  const cache = new MemoryCache();
  await using hub = await serveHub({ 'org/split': splitFiles('') });
  await isSame('hf:org/split', hub, { cache });
  hub.hub.log.length = 0;
  hub.storage.log.length = 0;
  await isSame('hf:org/split', hub, { cache });
  assert.ok(onlyHeads(hub.hub.log), hub.hub.log.join());
  assert.equal(hub.storage.log, []);
  await hub.hub.close();
  await isSame('hf:org/split', hub, { cache });
  assert.is(cache.unclosed, 0);
});

test('a file or a part that is not there is named with its address', async () => {
  const [first] = splitFiles('');
  await using hub = await serveHub({ 'org/name': new Map([first!]) });
  const { endpoint } = hub;
  for (const [source, file] of [
    ['hf:org/name', partName(1, 2)],
    ['hf:org/name/other.gguf', 'other.gguf'],
  ] as const) {
    const load = () => loadModel(source, { ...OPTIONS, endpoint });
    const error = await refused(load, 'MODEL_NOT_FOUND', source, { file });
    assert.ok(error.message.includes(`${endpoint}/org/name/resolve/main/`), error.message);
  }
});

test('estimated from its header', async () => {
  const files = splitFiles('');
  await using hub = await serveHub({ 'org/split': files, 'org/one': new Map([['x.gguf', FILE]]) });
  const { endpoint } = hub;
  const how = { simd: 'baseline', cache: 'none' } as const;
  const inMemory = await estimateModel(FILE, how);
  assert.equal(await estimateModel('hf:org/one', { ...how, endpoint }), inMemory);
  const fileBytes = [...files.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
  const inParts = await estimateModel('hf:org/split', { ...how, endpoint });
  assert.equal(inParts, { ...inMemory, fileBytes });
  using model = await loadModel(FILE, OPTIONS);
  assert.is(inMemory.loadedBytes, model.memory().used);
});

test.run();
