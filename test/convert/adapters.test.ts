import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { convertCheckpoint, type ConvertOptions, openCheckpoint } from '../../src/convert.ts';
import { loadModel, type LoadOptions, type ModelSource } from '../../src/index.ts';
import { buildAdapter } from '../helpers/adapters/build-adapter.ts';
import { assertClose } from '../helpers/checks/close.ts';
import { assertMistakes, refused } from '../helpers/checks/refused.ts';
import type { CheckpointVariant } from '../helpers/files/build-checkpoint.ts';
import { buildGguf } from '../helpers/files/build-gguf.ts';
import { bytesOfFiles, convertedBytes } from '../helpers/files/converted.ts';
import { llamaGguf } from '../helpers/files/llama-gguf.ts';
import { llamaVariant } from '../helpers/models/llama-model.ts';
import { mechanismVariant } from '../helpers/models/mechanism-model.ts';
import { buildBin, torchParts } from '../helpers/models/torch-model.ts';

interface Context {
  root: string;
}

const test = suite<Context>('converting with adapters');

test.before.each(async (context) => {
  context.root = await mkdtemp(join(tmpdir(), 'tpa-adapters-'));
});
test.after.each(({ root }) => rm(root, { recursive: true }));

const MODEL = llamaVariant('tinyllama-like');
const isInner = (path: string) => /proj$|W_|c_fc/.test(path);

async function fingerprint(source: ModelSource, options: LoadOptions = {}): Promise<string> {
  using model = await loadModel(source, { backend: 'wasm', ...options });
  return model.info().fingerprint;
}

async function write(folder: string, files: Readonly<Record<string, Uint8Array>>) {
  await mkdir(folder, { recursive: true });
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, name), bytes);
}

const json = (value: object) => new TextEncoder().encode(JSON.stringify(value));

/** What is written of a folder or a file with adapters, as it is loaded. */
async function converted(
  path: string,
  lora: LoadOptions['lora'],
  options: ConvertOptions = {},
): Promise<ModelSource> {
  const checkpoint = await openCheckpoint(path, { lora: lora! });
  try {
    const files = await convertedBytes(checkpoint, options);
    return options.format === 'gguf' ? files.get('model.gguf')! : bytesOfFiles(files);
  } finally {
    await checkpoint.close();
  }
}

test('a folder, PyTorch or not, as a folder and as GGUF: what loading with the adapter gives', async ({
  root,
}) => {
  const cases: [CheckpointVariant, 'F32' | 'BF16'][] = [
    [MODEL, 'F32'],
    [MODEL, 'BF16'],
    [mechanismVariant('tpa'), 'F32'],
    [mechanismVariant('mla'), 'F32'],
  ];
  for (const [{ name, build }, dtype] of cases) {
    const { source, tensors } = build({ dtype });
    const folder = join(root, `${name}-${dtype}`);
    const weights = source.weights as Uint8Array;
    await write(folder, { 'config.json': json(source.config), 'model.safetensors': weights });
    const one = buildAdapter(tensors, { has: isInner });
    const two = buildAdapter(tensors, { has: isInner, seed: 2, rank: 2 });
    const lora = [{ source: one.source, scale: 0.5 }, { source: two.source }];
    const expected = await fingerprint(source, { lora });
    assert.is(await fingerprint(await converted(folder, lora)), expected, name);
    const gguf = await converted(folder, lora, { format: 'gguf' });
    assert.is(await fingerprint(gguf), expected, `${name} ${dtype} as GGUF`);
    const { types } = await typesOf(gguf);
    assert.ok(types['F32']! > 0 && (dtype === 'F32' || types['BF16']! > 0));
    const q8 = await converted(folder, lora, { format: 'gguf', dtype: 'q8_0' });
    const merged = await converted(folder, lora);
    assert.is(
      await fingerprint(q8),
      await fingerprint(await gguf8(root, merged)),
      `${name} as Q8_0`,
    );
    if ((source.config as { model_type?: string }).model_type === 'llama') continue;
    const torch = join(root, `${name}-torch`);
    const bin = buildBin(await torchParts(weights));
    await write(torch, { 'config.json': json(source.config), 'pytorch_model.bin': bin });
    assert.is(await fingerprint(await converted(torch, lora)), expected, `${name} from PyTorch`);
  }
});

async function typesOf(source: ModelSource) {
  using model = await loadModel(source, { backend: 'wasm' });
  return model.info().stored;
}

/** The Q8_0 of a model that was written as a folder. */
async function gguf8(root: string, model: ModelSource): Promise<ModelSource> {
  const { config, weights } = model as { config: Uint8Array; weights: Uint8Array };
  const folder = join(root, 'written');
  await write(folder, { 'config.json': config, 'model.safetensors': weights });
  return converted(folder, [], { format: 'gguf', dtype: 'q8_0' });
}

test('a quantised GGUF: what changes is Q8_0 in a .gguf and F32 in a folder', async ({ root }) => {
  const { stored, parts } = llamaGguf(MODEL.config, MODEL.build().tensors, 'Q4_0');
  const file = join(root, 'model.gguf');
  await writeFile(file, buildGguf(parts));
  const adapter = buildAdapter(stored, { has: (path) => path.endsWith('o_proj') });
  const lora = [{ source: adapter.source }];
  const gguf = await converted(file, lora, { format: 'gguf' });
  const { types } = await typesOf(gguf);
  assert.is(types['Q8_0'], 3);
  assert.ok(types['Q4_0']! > 0);
  // llama.cpp's rounding takes the scale before it is a float16, the kernels' after it
  using written = await loadModel(gguf, { backend: 'wasm' });
  using loaded = await loadModel(file, { backend: 'wasm', lora });
  assert.equal(written.info().weights, loaded.info().weights);
  const [a, b] = [await written.logits([5, 6, 7]), await loaded.logits([5, 6, 7])];
  const largest = b.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  assertClose(a, b, { atol: 0.02 * largest, what: 'logits' });
  const folder = await converted(file, lora);
  assert.is(await fingerprint(folder), await fingerprint(file, { lora, dtype: 'f32' }));
});

test('what is said of it, and a folder without an adapter is converted already', async ({
  root,
}) => {
  const { source, tensors } = MODEL.build();
  const weights = source.weights as Uint8Array;
  await write(root, { 'config.json': json(source.config), 'model.safetensors': weights });
  const adapter = buildAdapter(tensors, { has: isInner });
  const checkpoint = await openCheckpoint(root, { lora: [{ source: adapter.source, scale: 2 }] });
  assert.match(
    checkpoint.notes.join('\n'),
    /the adapter "bytes" of rank 4, times 2 is merged into \d+ matrices/,
  );
  assert.is(checkpoint.adapters?.length, 1);
  await checkpoint.close();
  const plain = await openCheckpoint(root, { lora: [] });
  await refused(() => convertCheckpoint(plain), 'MODEL_UNSUPPORTED', /which need no conversion/);
  await plain.close();
});

test('adapters of another model, and options that are none', async ({ root }) => {
  const { source, tensors } = MODEL.build();
  const weights = source.weights as Uint8Array;
  await write(root, { 'config.json': json(source.config), 'model.safetensors': weights });
  const other = buildAdapter(llamaVariant('llama-untied').build().tensors, { has: isInner });
  await refused(
    () => openCheckpoint(root, { lora: [{ source: other.source }] }),
    'MODEL_MISMATCH',
    /factor A of module "model\.layers\.0/,
  );
  const { source: adapter } = buildAdapter(tensors, { has: isInner });
  await refused(
    () => openCheckpoint(root, { lora: [{ source: adapter }, { source: join(root, 'none') }] }),
    'MODEL_NOT_FOUND',
  );
  await assertMistakes([
    [() => openCheckpoint(root, { lora: 'x' as never }), TypeError, /^"options\.lora" expected/],
    [() => openCheckpoint(root, { loras: [] } as never), TypeError, /did you mean "lora"/],
    [() => openCheckpoint(root, null as never), TypeError, /^"options" expected an object/],
    [
      () => openCheckpoint(root, { lora: [{ source: 'hf:a/b' }] }),
      TypeError,
      /^"options\.lora\[0\]\.source" expected a path, a file: URL or bytes/,
    ],
  ]);
});

test.run();
