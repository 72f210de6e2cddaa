import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openCheckpoint } from '../../src/convert.ts';
import { loadModel, type LoadOptions, type Model, type ModelSource } from '../../src/index.ts';
import { buildGguf, partName, splitGguf } from '../helpers/files/build-gguf.ts';
import { chatGgufParts } from '../helpers/files/chat-gguf.ts';
import { convertedBytes, ggufCheckpoint } from '../helpers/files/converted.ts';
import { byteLevelMetadata, sentencePieceMetadata } from '../helpers/files/gguf-vocabulary.ts';
import { hashOf } from '../helpers/files/bytes.ts';
import { refused } from '../helpers/checks/refused.ts';

const IDS = [5, 6, 7, 8];
const PARTS = chatGgufParts(byteLevelMetadata());
const FILE = buildGguf(PARTS);
const CONVERTED = await convertedBytes(await ggufCheckpoint(PARTS));

const expected = await logitsOf({
  config: CONVERTED.get('config.json')!,
  weights: CONVERTED.get('model.safetensors')!,
});

const test = suite<{ root: string }>('loadModel() of a GGUF file');

function load(source: ModelSource, options: LoadOptions = {}): Promise<Model> {
  return loadModel(source, { simd: 'baseline', backend: 'wasm', ...options });
}

async function logitsOf(source: ModelSource, options?: LoadOptions): Promise<Float32Array> {
  using model = await load(source, options);
  return await model.logits(IDS);
}

/** The model has the logits of the one that was converted. */
async function isSame(source: ModelSource, options?: LoadOptions): Promise<void> {
  assert.equal(await logitsOf(source, options), expected);
}

test.before.each(async (context) => {
  context.root = await mkdtemp(join(tmpdir(), 'tpa gguf-'));
});
test.after.each(({ root }) => rm(root, { recursive: true }));

test('a path, a file: URL, bytes and Blobs: the logits of the converted model', async ({
  root,
}) => {
  // a name that no other file of a model may have
  const path = join(root, 'My model (Q8) ü.gguf');
  await writeFile(path, FILE);
  await isSame(path);
  await isSame(pathToFileURL(path));
  await isSame(pathToFileURL(path).href);
  await isSame(path, { sha256: { 'My model (Q8) ü.gguf': hashOf(FILE) } });
  const copy = FILE.slice();
  for (const bytes of [copy, copy.buffer, Buffer.from(FILE), new Blob([copy])]) {
    await isSame(bytes);
    await isSame({ gguf: bytes });
    await isSame({ gguf: [bytes] }, { sha256: { 'model.gguf': hashOf(FILE) } });
  }
  const wrong = { 'model.gguf': hashOf(new Uint8Array()) };
  await refused(() => load(copy, { sha256: wrong }), 'WEIGHTS_HASH', { file: 'model.gguf' });
});

test('a file is known by its first letters where its name says nothing', async ({ root }) => {
  for (const name of ['sha256-0123', 'model.bin']) {
    await writeFile(join(root, name), FILE);
    const seen: number[] = [];
    await isSame(join(root, name), { onProgress: ({ loaded }) => void seen.push(loaded) });
    assert.is(seen.at(-1), FILE.byteLength);
  }
});

test('a link to it may lead anywhere', async ({ root }) => {
  await mkdir(join(root, 'blobs'));
  await mkdir(join(root, 'snapshot'));
  for (const [i, [name, bytes]] of [...splitGguf(PARTS, 2)].entries()) {
    await writeFile(join(root, 'blobs', `${i}`), bytes);
    await symlink(`../blobs/${i}`, join(root, 'snapshot', name));
  }
  await isSame(join(root, 'snapshot', partName(0, 2)));
  // what a directory holds was named by nobody
  await refused(() => load(join(root, 'snapshot')), 'PATH_ESCAPE', /a link out of the directory/);
});

test('a split model opens and converts by any part, and in memory in any order', async ({
  root,
}) => {
  for (const count of [1, 2, 5]) {
    const folder = join(root, `${count}`);
    await mkdir(folder);
    const files = splitGguf(PARTS, count);
    for (const [name, bytes] of files) await writeFile(join(folder, name), bytes);
    for (const name of files.keys()) {
      const path = join(folder, name);
      await isSame(path);
      const checkpoint = await openCheckpoint(path);
      assert.is(checkpoint.tensors.length, PARTS.tensors.length);
      await checkpoint.close();
    }
    await isSame(folder);
    await isSame({ gguf: [...files.values()].toReversed() });
    let last = { loaded: 0, total: 0 };
    await isSame(folder, { onProgress: ({ loaded, total }) => void (last = { loaded, total }) });
    const total = [...files.values()].reduce((sum, bytes) => sum + bytes.byteLength, 0);
    assert.equal(last, { loaded: total, total });
  }
});

test('a directory: its only model, or which it has', async ({ root }) => {
  await writeFile(join(root, 'b.gguf'), FILE);
  await writeFile(join(root, 'README.md'), 'text');
  await isSame(root);
  for (const [name, bytes] of splitGguf(PARTS, 2)) await writeFile(join(root, name), bytes);
  await refused(
    () => load(root),
    'MODEL_NOT_FOUND',
    { path: root },
    /expected one model, found 2: pass the path of one of them, "b\.gguf", "model-00001-of-00002\.gguf"$/,
  );
  // safetensors are taken before it
  await writeFile(join(root, 'model.safetensors'), CONVERTED.get('model.safetensors')!);
  await refused(() => load(root), 'MODEL_NOT_FOUND', /found no config\.json/);
  await writeFile(join(root, 'config.json'), CONVERTED.get('config.json')!);
  for (const file of ['', 'config.json', 'model.safetensors']) await isSame(join(root, file));
  const index = { weight_map: { 'model.norm.weight': 'model.safetensors' } };
  await writeFile(join(root, 'model.safetensors.index.json'), JSON.stringify(index));
  await isSame(join(root, 'model.safetensors.index.json'));
});

test('it converses by its own template and tokenizer', async () => {
  for (const vocabulary of [byteLevelMetadata(), sentencePieceMetadata()]) {
    using model = await load(buildGguf(chatGgufParts(vocabulary)));
    assert.equal(model.chatTemplates, ['default']);
    using session = model.createSession();
    const messages = [{ role: 'user', content: 'the' }];
    await session.generate({ messages }, { maxTokens: 2, temperature: 0 }).text();
    const text = model.tokenizer!.decode(session.tokens);
    assert.match(text, /<\|turn\|> ?user: the(<\|end\|>|<\/s>)<\|turn\|> ?assistant: /);
  }
});

test('a vocabulary alone: its tokenizer can be had, a model cannot', async ({ root }) => {
  const path = join(root, 'vocabulary.gguf');
  await writeFile(path, buildGguf({ metadata: byteLevelMetadata(), tensors: [] }));
  await refused(
    () => load(path),
    'CHECKPOINT_INVALID',
    /"vocabulary\.gguf" expected weights, found a vocabulary alone: pass the file of the model/,
  );
  const checkpoint = await openCheckpoint(path);
  assert.equal(checkpoint.tensors, []);
  const { tokenizer } = checkpoint;
  const weights = CONVERTED.get('model.safetensors')!;
  using model = await load({
    config: CONVERTED.get('config.json')!,
    weights,
    tokenizer: tokenizer!,
  });
  assert.equal(model.tokenizer!.encode('the'), [257]);
  await checkpoint.close();
});

/** The published checkpoint of llama2.c, and what its own test expects. */
const STORIES = fileURLToPath(new URL('../../../shared/real/stories260K.gguf', import.meta.url));

async function tellStory(): Promise<void> {
  using model = await load(STORIES);
  using session = model.createSession();
  const told = await session.generate([1], { maxTokens: 60, temperature: 0 }).text();
  assert.match(
    told,
    /^Once upon a time, there was a little girl named Lily\. She loved to play outside in the park\. One day, she saw a big, red ball\. She wanted to play with it/,
  );
}

if (existsSync(STORIES)) test('stories260K tells the published story', tellStory);
else test.skip('stories260K tells the published story: ../shared/real is not there');

test.run();
