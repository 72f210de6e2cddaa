import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { adapter } from '../../../src/cli/command-spec.ts';
import { loadModel } from '../../../src/index.ts';
import { buildAdapter, modulesOf } from '../../helpers/adapters/build-adapter.ts';
import { runTpa } from '../../helpers/fakes/fake-host.ts';
import type { CheckpointTensors } from '../../helpers/files/build-checkpoint.ts';
import { llamaVariant } from '../../helpers/models/llama-model.ts';

interface Context {
  root: string;
  folder: string;
}

const test = suite<Context>('--lora');

const { source: MODEL, tensors } = llamaVariant('llama-gqa').build();
const ADAPTER = buildAdapter(tensors, { has: (path) => path.endsWith('_proj') }).source;

test.before.each(async (context) => {
  context.root = await mkdtemp(join(tmpdir(), 'tpa-cli-lora-'));
  context.folder = join(context.root, 'model');
  await write(context.folder, {
    'config.json': JSON.stringify(MODEL.config),
    'model.safetensors': MODEL.weights as Uint8Array,
  });
  await write(join(context.root, 'lora'), {
    'adapter_config.json': JSON.stringify(ADAPTER.config),
    'adapter_model.safetensors': ADAPTER.weights,
  });
});
test.after.each(({ root }) => rm(root, { recursive: true }));

async function write(folder: string, files: Readonly<Record<string, Uint8Array | string>>) {
  await mkdir(folder);
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
}

async function fingerprint(path: string, scale?: number): Promise<string> {
  const lora = scale === undefined ? [] : [{ source: ADAPTER, scale }];
  using model = await loadModel(path, { backend: 'wasm', lora });
  return model.info().fingerprint;
}

test('a path, and behind its last @ a number that it is multiplied by', () => {
  const { read } = adapter({ about: '' });
  const words: [string, string, number][] = [
    ['lora/tales', 'lora/tales', 1],
    ['lora/tales@0.5', 'lora/tales', 0.5],
    ['lora@-2', 'lora', -2],
    ['lora@.25', 'lora', 0.25],
    ['a@b', 'a@b', 1],
    ['hf:org/name@main', 'hf:org/name@main', 1],
    ['hf:org/name@main@2', 'hf:org/name@main', 2],
    ['hf:org/name@1.0@1', 'hf:org/name@1.0', 1],
    ['https://user:pw@x.test/lora', 'https://user:pw@x.test/lora', 1],
  ];
  for (const [word, source, scale] of words) {
    assert.equal(read(word, undefined), { source, scale }, word);
  }
  for (const word of ['', 'lora@1001', 'lora@-5000']) assert.is(read(word, undefined), undefined);
});

test('tpa info: what is merged, and the model that it makes', async ({ root, folder }) => {
  const lora = join(root, 'lora');
  const words = ['info', '--model', folder, '--lora', `${lora}@0.5`, '--lora', lora];
  const { code, out, err } = await runTpa(words);
  assert.is(code, 0, err());
  assert.match(out(), new RegExp(`\nadapter +${lora}, rank 4 times 0\\.5 in 14 matrices\n`));
  assert.match(out(), new RegExp(`\nadapter +${lora}, rank 4 in 14 matrices\n`));
  const told = await runTpa(['info', '--model', folder, '--lora', `${lora}@2`, '--json']);
  assert.is(JSON.parse(told.out()).fingerprint, await fingerprint(folder, 2));
  const estimate = await runTpa(['info', '--estimate', '-m', folder, '--lora', lora, '--json']);
  assert.is(estimate.code, 0, estimate.err());
  const wrong = await runTpa(['info', '--model', folder, '--lora', 'hf:a']);
  assert.is(wrong.code, 2);
  assert.match(wrong.err(), /"--lora" expected hf:ORG\/NAME/);
  const none = await runTpa(['info', '--model', folder, '--lora', 'x@5000']);
  assert.match(none.err(), /"--lora" expected a path or an address, .*-1000\.\.1000/);
});

test('tpa convert: a folder and a .gguf that load as the model with the adapter', async ({
  root,
  folder,
}) => {
  const expected = await fingerprint(folder, -0.5);
  for (const out of ['out', 'out.gguf']) {
    const words = ['--out', join(root, out), '--lora', `${join(root, 'lora')}@-0.5`];
    const { code, out: shown, err } = await runTpa(['convert', folder, ...words]);
    assert.is(code, 0, err());
    assert.match(shown(), /\nnote +the adapter ".*lora" of rank 4, times -0\.5 is merged into 14/);
    assert.is(await fingerprint(join(root, out)), expected, out);
  }
});

test('tpa convert: an adapter of another model writes nothing', async ({ root, folder }) => {
  const others: CheckpointTensors = llamaVariant('llama-mqa').build().tensors;
  assert.ok(modulesOf(others).length > modulesOf(tensors).length);
  const { source } = buildAdapter(others, { has: (path) => path.endsWith('o_proj') });
  await write(join(root, 'other'), {
    'adapter_config.json': JSON.stringify(source.config),
    'adapter_model.safetensors': source.weights,
  });
  const words = ['--out', join(root, 'out'), '--lora', join(root, 'other')];
  const { code, err } = await runTpa(['convert', folder, ...words]);
  assert.is(code, 1);
  assert.match(err(), /module "model\.layers\.2\.self_attn\.o_proj" expected a matrix/);
  assert.equal((await readdir(root)).toSorted(), ['lora', 'model', 'other']);
  const hub = await runTpa(['convert', folder, '--out', join(root, 'out'), '--lora', 'hf:a/b']);
  assert.match(hub.err(), /expected a path, a file: URL or bytes/);
});

test.run();
