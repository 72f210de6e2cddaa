import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { floats, goldenFiles, integers, loadGolden, tolerance } from './golden.ts';

const test = suite('golden');

test('every tensor has as many numbers as its shape says, none of them NaN', () => {
  for (const path of goldenFiles('')) {
    const { name, tensors } = loadGolden(path);
    assert.ok(tensors.size > 0, name);
    for (const [tensor, { shape, data }] of tensors) {
      const size = shape.reduce((product, n) => product * n, 1);
      assert.is(data.length, size, `${name} ${tensor}`);
      assert.not(data.includes(NaN), `${name} ${tensor}`);
    }
  }
});

test('loads a fixture by name, and says which tensor is missing', () => {
  const golden = loadGolden('model_t6');
  assert.is(golden.meta.kind, 'model');
  assert.is(integers(golden, 'ids').length, 80);
  assert.is(floats(golden, 'transformer.wte.weight').length, 97 * 48);
  assert.is(tolerance(golden, 'logits_bf16'), 2e-4);
  assert.throws(() => floats(golden, 'ids'), /no float tensor "ids" in model_t6/);
  assert.throws(() => integers(golden, 'nothing'), /no int tensor "nothing" in model_t6/);
  assert.throws(() => tolerance(golden, 'nothing'), /no tolerance of "nothing"/);
});

test('goldenFiles() adds the files of TPA_GOLDEN that the fixtures lack, each name once', () => {
  const before = process.env['TPA_GOLDEN'];
  const folder = mkdtempSync(join(tmpdir(), 'golden-'));
  try {
    process.env['TPA_GOLDEN'] = join(folder, 'missing');
    const fixtures = goldenFiles('rope_');
    assert.equal(
      fixtures.map((path) => basename(path)),
      ['rope_tables.safetensors'],
    );
    process.env['TPA_GOLDEN'] = folder;
    copyFileSync(fixtures[0]!, join(folder, 'rope_tables.safetensors'));
    copyFileSync(fixtures[0]!, join(folder, 'rope_other.safetensors'));
    writeFileSync(join(folder, 'rope_other.json'), '{}');
    const both = goldenFiles('rope_');
    assert.equal(both, [fixtures[0], join(folder, 'rope_other.safetensors')]);
    assert.not.equal(dirname(both[0]!), folder);
    assert.throws(() => goldenFiles('none_'), /no golden file starts with "none_"/);
  } finally {
    rmSync(folder, { recursive: true });
    if (before === undefined) delete process.env['TPA_GOLDEN'];
    else process.env['TPA_GOLDEN'] = before;
  }
});

test.run();
