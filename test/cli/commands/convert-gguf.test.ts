import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../../src/index.ts';
import { type FakeSettings, runTpa } from '../../helpers/fakes/fake-host.ts';
import { loadGolden } from '../../helpers/checks/golden.ts';
import { goldenSource } from '../../helpers/models/t6-model.ts';
import { buildBin, torchParts } from '../../helpers/models/torch-model.ts';

const { config, weights } = goldenSource(loadGolden('model_t6'), 'exact');
const bin = buildBin(await torchParts(weights as Uint8Array));
const IDS = [3, 1, 4];

interface Context {
  root: string;
}

const test = suite<Context>('tpa convert --out model.gguf');

test.before.each(async (context) => {
  context.root = await mkdtemp(join(tmpdir(), 'tpa gguf-'));
  await mkdir(join(context.root, 'source'));
  await writeFile(join(context.root, 'source', 'pytorch_model.bin'), bin);
  await writeFile(join(context.root, 'source', 'config.json'), JSON.stringify(config));
});
test.after.each(({ root }) => rm(root, { recursive: true }));

/** Converts the source into `model.gguf` beside it. */
const run = (root: string, options: readonly string[] = [], settings?: FakeSettings) =>
  runTpa(
    ['convert', join(root, 'source'), '--out', join(root, 'model.gguf'), ...options],
    settings,
  );

/** Everything in the folder of the test but its source, hidden or not. */
const left = async (root: string) =>
  (await readdir(root)).filter((name) => name !== 'source').toSorted();

test('one file, which computes as its source; a table says what was done', async ({ root }) => {
  const { code, out, err } = await run(root);
  assert.is(err(), '');
  assert.is(code, 0);
  assert.match(
    out(),
    /^source +PyTorch, T6\ntensors +\d+ \(F32 \d+\)\nweights +[\d,]+ bytes\ntokenizer +none\nfile +model\.gguf, [\d,]+ bytes\nnote +no tokenizer\.json beside the weights: token ids only\nwritten +\S.*model\.gguf in [\d.]+ s, [\d,]+ MB\/s\n$/,
  );
  assert.equal(await left(root), ['model.gguf']);
  using original = await loadModel({ config, weights }, { simd: 'baseline' });
  using converted = await loadModel(join(root, 'model.gguf'), { simd: 'baseline' });
  assert.equal(await converted.logits(IDS), await original.logits(IDS));
});

test('--dtype, and what is stored otherwise', async ({ root }) => {
  const { code, out } = await run(root, ['--dtype', 'f16']);
  assert.is(code, 0);
  assert.match(out(), /^tensors +\d+ \(F32 -> F16 \d+\)$/m);
  const wrong = await run(root, ['--dtype', 'q5_k', '--force']);
  assert.is(wrong.code, 2);
  assert.match(wrong.err(), /"--dtype" expected f32 or f16 or bf16 or q8_0 or q4_0, got "q5_k"/);
});

test('a converted folder, and a GGUF file, are sources too', async ({ root }) => {
  const folder = join(root, 'folder');
  await runTpa(['convert', join(root, 'source'), '--out', folder]);
  const first = join(root, 'first.gguf');
  const second = join(root, 'second.gguf');
  for (const [source, out] of [
    [folder, first],
    [join(folder, 'model.safetensors'), first],
    [first, second],
  ] as const) {
    const { code, err } = await runTpa(['convert', source, '--out', out, '--force']);
    assert.is(code, 0, err());
  }
  using original = await loadModel(folder, { simd: 'baseline' });
  using converted = await loadModel(second, { simd: 'baseline' });
  assert.equal(await converted.logits(IDS), await original.logits(IDS));
});

test('--shard-size: parts, the first of which is named to be loaded', async ({ root }) => {
  const { code, out } = await run(root, ['--shard-size', '40kB']);
  assert.is(code, 0);
  const names = await left(root);
  assert.match(names[0]!, /^model-00001-of-\d{5}\.gguf$/);
  assert.is(names.length, Number(names[0]!.slice(-7, -5)));
  for (const name of names) assert.ok((await readFile(join(root, name))).length <= 40_000, name);
  const [, path = ''] = /^written +(.*) in /m.exec(out()) ?? [];
  assert.is(path, join(root, names[0]!));
  using original = await loadModel({ config, weights }, { simd: 'baseline' });
  using converted = await loadModel(path, { simd: 'baseline' });
  assert.equal(await converted.logits(IDS), await original.logits(IDS));
  const wrong = await run(root, ['--shard-size', '12 parsecs']);
  assert.match(wrong.err(), /"--shard-size" expected a size in 1kB\.\.1TB, such as /);
});

test('--dry-run lists tensors by their names in the file, and writes nothing', async ({ root }) => {
  const { code, out } = await run(root, ['--dry-run', '--dtype', 'f16']);
  assert.is(code, 0);
  assert.match(out(), /^token_embd\.weight +F32 -> F16 \(\d+, \d+\), [\d,]+ bytes$/m);
  assert.not.match(out(), /written/);
  assert.equal(await left(root), []);
  const alone = await runTpa(['convert', join(root, 'source'), '--dry-run', '--dtype', 'f16']);
  assert.equal([alone.code, alone.out()], [0, out()]);
});

test('--json: one object', async ({ root }) => {
  const { code, out, err } = await run(root, ['--json', '--dtype', 'f16'], { isTTY: true });
  assert.is(code, 0);
  assert.is(err(), '');
  const report = JSON.parse(out()) as Record<string, unknown>;
  const { tensors, files, written, notes, ...rest } = report as {
    tensors: readonly object[];
    files: readonly { name: string; byteLength: number }[];
    written: { path: string; seconds: number };
    notes: readonly string[];
  };
  assert.equal(
    { ...rest, parameters: 0 },
    { source: 'torch', family: 'T6', parameters: 0, hasTokenizer: false },
  );
  assert.equal(Object.keys(tensors[0]!), ['name', 'from', 'type', 'shape', 'byteLength']);
  const file = join(root, 'model.gguf');
  assert.equal(files, [{ name: 'model.gguf', byteLength: (await readFile(file)).length }]);
  assert.is(written.path, file);
  assert.ok(written.seconds >= 0);
  assert.equal(notes, ['no tokenizer.json beside the weights: token ids only']);
  const dry = await run(root, ['--json', '--dry-run', '--force']);
  assert.is((JSON.parse(dry.out()) as Record<string, unknown>)['written'], null);
});

test('a file that is there is refused without --force, the source always', async ({ root }) => {
  const file = join(root, 'model.gguf');
  await writeFile(file, 'mine');
  const { code, err } = await run(root);
  assert.is(code, 2);
  assert.is(err(), 'tpa: "--out" expected a new file, or --force, got "model.gguf"\n');
  assert.is(await readFile(file, 'utf8'), 'mine');
  assert.is((await run(root, ['--force'])).code, 0);
  const before = await readFile(file);
  await symlink(file, join(root, 'link.gguf'));
  for (const out of ['model.gguf', 'link.gguf']) {
    const own = await runTpa(['convert', file, '--out', join(root, out), '--force']);
    assert.is(own.code, 2);
    assert.match(own.err(), /expected another file than the source/);
  }
  assert.equal(await readFile(file), before);
});

test('what cannot be a file, and options without one', async ({ root }) => {
  await mkdir(join(root, 'folder.gguf'));
  const source = join(root, 'source');
  for (const [words, message] of [
    [['--out', join(root, 'folder.gguf')], /expected a file to write, got the folder/],
    [['--out', join(root, 'no', 'x.gguf')], /expected a file in a folder that exists/],
    [['--out', join(root, 'x'), '--dtype', 'f16'], /"--dtype" expected --out to end in \.gguf/],
    [['--out', join(root, 'x'), '--shard-size', '1MB'], /"--shard-size" expected --out to end/],
  ] as const) {
    const { code, err } = await runTpa(['convert', source, ...words]);
    assert.is(code, 2);
    assert.match(err(), message);
  }
});

test('a failure or Ctrl-C while it writes: nothing left, old files untouched', async ({ root }) => {
  const file = join(root, 'model.gguf');
  await writeFile(file, 'old');
  const stopped = await run(root, ['--force'], {
    isTTY: true,
    onWrite: (text, host) => /converting/.test(text) && host.interrupt.abort(),
  });
  assert.is(stopped.code, 130);
  assert.equal(await left(root), ['model.gguf']);
  const parts = await torchParts(weights as Uint8Array);
  const [, { storage }] = [...parts.tensors].find(([name]) => name.includes('mlp.c_proj'))!;
  const storedBytes = parts.storages.get(storage)!;
  storedBytes.set([0, 0, 0xc0, 0x7f], storedBytes.length - 4);
  await writeFile(join(root, 'source', 'pytorch_model.bin'), buildBin(parts));
  for (const options of [[], ['--dtype', 'f16'], ['--shard-size', '40kB']]) {
    const { code, err } = await run(root, ['--force', ...options]);
    assert.is(code, 1, err());
    assert.match(err(), /^error WEIGHTS_NONFINITE: tensor "[^\n]*\n$/);
    assert.equal(await left(root), ['model.gguf']);
  }
  assert.is(await readFile(file, 'utf8'), 'old');
});

test.run();
