import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { tpa } from '../../src/cli/tpa.ts';
import { loadModel, type Model } from '../../src/index.ts';
import { buildCheckpoint } from '../helpers/files/build-checkpoint.ts';
import { buildGguf, TYPE } from '../helpers/files/build-gguf.ts';
import { assertClose, assertSame } from '../helpers/checks/close.ts';
import { fakeHost } from '../helpers/fakes/fake-host.ts';
import { floats, goldenFiles, integers, loadGolden, tolerance } from '../helpers/checks/golden.ts';
import { llamaGguf } from '../helpers/files/llama-gguf.ts';
import { llamaVariant } from '../helpers/models/llama-model.ts';
import { MECHANISM_VARIANTS } from '../helpers/models/mechanism-model.ts';
import { goldenSource, part, PRECISIONS, type Cos } from '../helpers/models/t6-model.ts';
import { buildBin, buildCkpt, torchParts } from '../helpers/models/torch-model.ts';
import type { Picklable } from '../helpers/files/build-torch.ts';

interface Context {
  root: string;
}

const test = suite<Context>('tpa convert, end to end');

test.before.each(async (context) => {
  context.root = await mkdtemp(join(tmpdir(), 'tpa-round-trip-'));
});
test.after.each(({ root }) => rm(root, { recursive: true }));

/** Converts and loads. */
async function convert(root: string, source: string): Promise<Model> {
  const host = fakeHost();
  const out = join(root, 'out');
  assert.is(await tpa(['convert', join(root, source), '--out', out], host), 0, host.err());
  return loadModel(out, { simd: 'baseline' });
}

/** More than a block of queries, so that the slow angles of a scaling are seen. */
const IDS = Array.from({ length: 60 }, (_, i) => (i * 37 + 5) % 97);

/** What must agree for two models to be the same. */
function essence({ config: { ignoredKeys: _keys, eosTokenIds: _ends, ...rest } }: Model): object {
  return rest;
}

/** Fails unless the GGUF of a model computes bit for bit as its safetensors. */
async function checkGguf(
  root: string,
  config: Readonly<Record<string, unknown>>,
  { name, type }: { name: string; type: keyof typeof TYPE },
): Promise<void> {
  const { tensors } = llamaVariant(name).build();
  const { parts, stored } = llamaGguf(config, tensors, type);
  await writeFile(join(root, 'model.gguf'), buildGguf(parts));
  using original = await loadModel(buildCheckpoint(config, stored).source, { simd: 'baseline' });
  using converted = await convert(root, 'model.gguf');
  assert.equal(essence(converted), essence(original));
  assertSame(await converted.logits(IDS), await original.logits(IDS), `${name} ${type}`);
}

const VARIANTS = (
  'llama-mha llama-gqa llama-mqa llama-untied llama-attention-bias llama-mlp-bias ' +
  'llama-rope-linear llama-rope-yarn tinyllama-like smollm2-like qwen2 qwen3'
).split(' ');
for (const name of VARIANTS) {
  test(`GGUF F32 of ${name}: logits bit-identical to its safetensors`, ({ root }) =>
    checkGguf(root, llamaVariant(name).config as Record<string, unknown>, { name, type: 'F32' }));
}

for (const name of ['tinyllama-like', 'qwen2', 'qwen3', 'llama-gqa']) {
  for (const type of ['F16', 'Q8_0', 'Q4_0'] as const) {
    test(`GGUF ${type} of ${name}: logits bit-identical to the dequantised safetensors`, ({
      root,
    }) => checkGguf(root, llamaVariant(name).config, { name, type }));
  }
}

for (const path of goldenFiles('model_')) {
  const golden = loadGolden(path);
  const { name } = golden;
  for (const file of ['pytorch_model.bin', 'ckpt.pt']) {
    test(`${name} as ${file}: golden logits`, async ({ root }) => {
      for (const cos of Object.keys(PRECISIONS) as Cos[]) {
        const { config, weights } = goldenSource(golden, cos);
        const folder = join(root, cos);
        const tensors = await torchParts(weights as Uint8Array);
        await mkdir(join(folder, 'source'), { recursive: true });
        const isBin = file === 'pytorch_model.bin';
        const values = new Map(Object.entries(config as Record<string, Picklable>));
        const bytes = isBin ? buildBin(tensors) : buildCkpt(tensors, values);
        await writeFile(join(folder, 'source', file), bytes);
        if (isBin) await writeFile(join(folder, 'source', 'config.json'), JSON.stringify(config));
        using model = await convert(folder, 'source');
        const [rows] = golden.tensors.get('ids')!.shape as [number];
        const ids = part(integers(golden, 'ids'), 0, rows);
        const wanted = `logits_${cos}`;
        const expected = part(floats(golden, wanted), 0, rows);
        const atol = tolerance(golden, wanted);
        assertClose(await model.logits(ids), expected, { atol, what: wanted });
      }
    });
  }
}

for (const { name, build } of MECHANISM_VARIANTS) {
  test(`${name} as ckpt.pt: its config and logits, bit for bit`, async ({ root }) => {
    const { source } = build();
    const parts = await torchParts(source.weights as Uint8Array);
    const values = new Map(Object.entries(source.config as Record<string, Picklable>));
    await writeFile(join(root, 'ckpt.pt'), buildCkpt(parts, values));
    using original = await loadModel(source, { simd: 'baseline' });
    using converted = await convert(root, 'ckpt.pt');
    assert.equal(essence(converted), essence(original));
    const ids = IDS.map((id) => id % original.config.vocabSize).slice(0, 40);
    assertSame(await converted.logits(ids), await original.logits(ids), name);
  });
}

test.run();
