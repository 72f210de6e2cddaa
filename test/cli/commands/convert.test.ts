import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../../src/index.ts';
import { buildGguf, TYPE } from '../../helpers/files/build-gguf.ts';
import { opcodes, pickled, buildTorch, globalOf } from '../../helpers/files/build-torch.ts';
import { bytesOf } from '../../helpers/files/bytes.ts';
import { tensorBytes } from '../../helpers/files/converted.ts';
import { type FakeSettings, runTpa } from '../../helpers/fakes/fake-host.ts';
import { ggufModel } from '../../helpers/models/gguf-model.ts';
import { loadGolden } from '../../helpers/checks/golden.ts';
import { goldenSource } from '../../helpers/models/t6-model.ts';
import { buildBin, torchParts } from '../../helpers/models/torch-model.ts';

const { config, weights } = goldenSource(loadGolden('model_t6'), 'exact');
const bin = buildBin(await torchParts(weights as Uint8Array));

interface Context {
  root: string;
}

const test = suite<Context>('tpa convert');

test.before.each(async (context) => {
  context.root = await mkdtemp(join(tmpdir(), 'tpa convert-'));
  await mkdir(join(context.root, 'source'));
  await writeFile(join(context.root, 'source', 'pytorch_model.bin'), bin);
  await writeFile(join(context.root, 'source', 'config.json'), JSON.stringify(config));
});
test.after.each(({ root }) => rm(root, { recursive: true }));

/** Converts a source in the folder of the test into `out` beside it. */
const run = (root: string, [source = '', ...options]: readonly string[], settings?: FakeSettings) =>
  runTpa(['convert', join(root, source), '--out', join(root, 'out'), ...options], settings);

/** A folder `out` with one file in it. */
async function fill(root: string, name: string, content: string): Promise<string> {
  await mkdir(join(root, 'out'));
  await writeFile(join(root, 'out', name), content);
  return join(root, 'out', name);
}

/** Everything below the folder of the test but its source, hidden or not. */
const left = async (root: string) =>
  (await readdir(root)).filter((name) => !name.startsWith('source'));

test('a directory: the model loads and computes as its source; a table says what was done', async ({
  root,
}) => {
  const { code, out, err } = await run(root, ['source']);
  assert.is(err(), '');
  assert.is(code, 0);
  assert.match(
    out(),
    /^source +PyTorch, T6\ntensors +\d+ \(F32 \d+\)\nweights +[\d,]+ bytes\nmemory +[\d,]+ bytes of weights once loaded, as float32\ntokenizer +none\nfile +config\.json, [\d,]+ bytes\nfile +model\.safetensors, [\d,]+ bytes\nnote +no tokenizer\.json beside the weights: token ids only\nwritten +\S.* in [\d.]+ s, [\d,]+ MB\/s\n$/,
  );
  assert.equal(await left(root), ['out']);
  assert.equal(await readdir(join(root, 'out')), ['config.json', 'model.safetensors']);
  using original = await loadModel({ config, weights }, { simd: 'baseline' });
  using converted = await loadModel(join(root, 'out'), { simd: 'baseline' });
  assert.equal(await converted.logits([3, 1, 4]), await original.logits([3, 1, 4]));
});

test('a file with any name, through a link; into an empty folder', async ({ root }) => {
  await writeFile(join(root, 'source', 'my model.gguf'), buildGguf(ggufModel().parts));
  await symlink(join(root, 'source', 'my model.gguf'), join(root, 'source-link'));
  await mkdir(join(root, 'out'));
  const { code, out, err } = await run(root, ['source-link']);
  assert.is(code, 0, err());
  assert.match(out(), /^source +GGUF, LlamaForCausalLM\n/);
  const written = await readFile(join(root, 'out', 'model.safetensors'));
  assert.is((await tensorBytes(written)).size, ggufModel().weights.size);
  assert.equal(await left(root), ['out']);
});

test('--dry-run checks and shows everything, writes nothing', async ({ root }) => {
  const { code, out } = await run(root, ['source', '--dry-run']);
  assert.is(code, 0);
  assert.match(out(), /\nfile +model\.safetensors, [\d,]+ bytes\n/);
  const [, tensors = ''] = out().split('\n\n');
  assert.is(tensors.split('\n').length - 1, Number(/^tensors +(\d+)/m.exec(out())![1]));
  assert.match(tensors, /^transformer\.wte\.weight +F32 \(\d+, \d+\), [\d,]+ bytes$/m);
  assert.not.match(out(), /written/);
  assert.equal(await left(root), []);
  const alone = await runTpa(['convert', join(root, 'source'), '--dry-run']);
  assert.equal([alone.code, alone.out()], [0, out()]);
});

test('a progress bar on a terminal, erased; none elsewhere', async ({ root }) => {
  const { err } = await run(root, ['source'], { isTTY: true });
  assert.match(err(), /converting \[#+\] 100%/);
  assert.ok(err().endsWith('\r\u001B[2K'));
});

test('an output with files in it is refused without --force, and stays', async ({ root }) => {
  const kept = await fill(root, 'config.json', 'mine');
  const { code, err } = await run(root, ['source']);
  assert.is(code, 2);
  assert.match(err(), /^tpa: "--out" expected a new or empty folder, or --force, got "[^\n]*\n$/);
  assert.is(await readFile(kept, 'utf8'), 'mine');
  assert.equal(await left(root), ['out']);
});

test('--force replaces a converted model as a whole', async ({ root }) => {
  await fill(root, 'tokenizer.json', 'old');
  assert.is((await run(root, ['source', '--force'])).code, 0);
  assert.equal(await readdir(join(root, 'out')), ['config.json', 'model.safetensors']);
  assert.equal(await left(root), ['out']);
});

test('--force leaves the old model where the source is refused', async ({ root }) => {
  const kept = await fill(root, 'config.json', 'old');
  await writeFile(join(root, 'source', 'pytorch_model.bin'), bin.subarray(0, 1000));
  assert.is((await run(root, ['source', '--force'])).code, 1);
  assert.is(await readFile(kept, 'utf8'), 'old');
});

test('--force replaces no other folder, and none that holds the source', async ({ root }) => {
  await fill(root, 'thesis.tex', 'years of work');
  const other = await run(root, ['source', '--force']);
  assert.is(other.code, 2);
  assert.match(other.err(), /expected a converted model to replace, got one with "thesis\.tex"/);
  const source = join(root, 'source');
  const own = await runTpa(['convert', source, '--out', source, '--force']);
  assert.is(own.code, 2);
  assert.match(own.err(), /that does not hold the source/);
  assert.equal((await readdir(source)).length, 2);
});

test('a directory that is converted already, or holds a .gguf, says what to do', async ({
  root,
}) => {
  const folder = join(root, 'source');
  await rm(join(folder, 'pytorch_model.bin'));
  await writeFile(join(folder, 'Llama.GGUF'), '');
  const gguf = await run(root, ['source']);
  assert.match(gguf.err(), /found "Llama\.GGUF": pass the path of that file\n$/);
  await writeFile(join(folder, 'model.safetensors'), weights as Uint8Array);
  for (const options of [[], ['--dry-run']]) {
    const ready = await run(root, ['source', ...options]);
    assert.is(ready.code, 1);
    assert.match(ready.err(), /need no conversion: load their directory, or write a \.gguf\n$/);
  }
});

test('needs SOURCE and --out; --out in a folder that exists, and no file', async ({ root }) => {
  for (const [source, proposed] of [
    ['source', 'source-converted'],
    ['source/my model.gguf', 'my model'],
  ] as const) {
    const missing = await runTpa(['convert', join(root, source)]);
    assert.is(missing.code, 2);
    assert.is(
      missing.err(),
      `tpa: convert expected --out PATH, the folder or .gguf file to write, or --dry-run, got neither; e.g. --out "${proposed}"\n`,
    );
  }
  for (const out of [join(root, 'a', 'b'), join(root, 'source', 'config.json')]) {
    const { code, err } = await runTpa(['convert', join(root, 'source'), '--out', out]);
    assert.is(code, 2);
    assert.match(err(), /^tpa: "--out" expected a folder[^\n]*\n$/);
  }
  const absent = await run(root, ['nowhere']);
  assert.is(absent.code, 1);
  assert.match(absent.err(), /^error MODEL_NOT_FOUND: [^\n]*\n$/);
  await rm(join(root, 'source', 'pytorch_model.bin'));
  const empty = await run(root, ['source']);
  assert.match(
    empty.err(),
    /MODEL_NOT_FOUND: .* expected one of model\.safetensors, .*, found none: pass the path of a file/,
  );
});

const evil = buildTorch(
  pickled(bytesOf(globalOf('os', 'system'), '(', opcodes('touch pwned'), 'tR')),
);
const HOSTILE: readonly [string, Uint8Array, RegExp][] = [
  ['a pickle that calls', evil, /^error MODEL_UNSUPPORTED: .*the name "os\.system"\n$/],
  [
    'a GGUF of 2^63 tensors',
    buildGguf({ ...ggufModel().parts, tensorCount: 2n ** 63n }),
    /^error CHECKPOINT_INVALID: GGUF tensors /,
  ],
  ['text', bytesOf('hello'), /^error MODEL_UNSUPPORTED: /],
];

for (const [label, bytes, message] of HOSTILE) {
  test(`${label}: one line on stderr, 1, nothing left`, async ({ root }) => {
    await writeFile(join(root, 'source', 'pytorch_model.bin'), bytes);
    const { code, out, err } = await run(root, ['source']);
    assert.is(code, 1);
    assert.match(err(), message);
    assert.is(out(), '');
    assert.equal(await left(root), []);
  });
}

for (const [label, bytes] of [
  ['nothing', new Uint8Array()],
  ['two bytes', buildGguf(ggufModel().parts).subarray(0, 2)],
  ['a header cut short', buildGguf(ggufModel().parts).subarray(0, 200)],
  ['tensors cut short', buildGguf(ggufModel().parts).subarray(0, -5)],
  ['another beginning', buildGguf(ggufModel().parts).fill(0, 0, 4)],
  ['text', bytesOf('Not found')],
] as const) {
  test(`a .gguf that is ${label} is called a damaged GGUF, not a zip`, async ({ root }) => {
    await writeFile(join(root, 'source', 'model.GGUF'), bytes);
    const { code, err } = await run(root, ['source/model.GGUF']);
    assert.is(code, 1);
    assert.match(err(), /^error CHECKPOINT_INVALID: .*damaged/);
    assert.not.match(err(), /zip|torch/i);
  });
}

const nan = new DataView(new ArrayBuffer(4));
nan.setUint32(0, 0x7fc0_0000, true);

test('a weight that is no number is refused as in loading; nothing is left', async ({ root }) => {
  const parts = await torchParts(weights as Uint8Array);
  const [name, { storage, shape }] = [...parts.tensors].at(-1)!;
  const last = shape.reduce((product, size) => product * size, 1) - 1;
  parts.storages.get(storage)!.set(new Uint8Array(nan.buffer), 4 * last);
  await writeFile(join(root, 'source', 'pytorch_model.bin'), buildBin(parts));
  const { code, err } = await run(root, ['source']);
  assert.is(code, 1);
  assert.is(
    err(),
    `error WEIGHTS_NONFINITE: tensor "${name}" is not finite: element ${last} is NaN\n`,
  );
  assert.equal(await left(root), []);
});

const half = (...bits: number[]) => new Uint8Array(Uint16Array.from(bits).buffer);
for (const [label, type, encode] of [
  ['F16', TYPE.F16, ({ length }: Float32Array) => half(...Array(length - 1).fill(0x3c00), 0x7c00)],
  ['BF16', TYPE.BF16, ({ length }: Float32Array) => half(...Array(length - 1).fill(0), 0x7fc0)],
  [
    'Q8_0, a scale',
    TYPE.Q8_0,
    ({ length }: Float32Array) =>
      bytesOf(
        ...Array.from({ length: length / 32 }, () => bytesOf(half(0x7e00), new Uint8Array(32))),
      ),
  ],
] as const) {
  test(`a GGUF with a weight that is no number: ${label}`, async ({ root }) => {
    const { parts } = ggufModel({ type, encode });
    await writeFile(join(root, 'source', 'model.gguf'), buildGguf(parts));
    const { code, err } = await run(root, ['source/model.gguf']);
    assert.is(code, 1);
    assert.match(
      err(),
      /^error WEIGHTS_NONFINITE: tensor "\S+" is not finite: element \d+ is \S+\n$/,
    );
    assert.equal(await left(root), []);
  });
}

test('Ctrl-C while it writes: 130, nothing left, an old model untouched', async ({ root }) => {
  const kept = await fill(root, 'config.json', 'old');
  const { code, err } = await run(root, ['source', '--force'], {
    isTTY: true,
    onWrite: (text, host) => /converting/.test(text) && host.interrupt.abort(),
  });
  assert.is(code, 130);
  assert.match(err(), /interrupted\n$/);
  assert.equal(await left(root), ['out']);
  assert.is(await readFile(kept, 'utf8'), 'old');
});

test.run();
