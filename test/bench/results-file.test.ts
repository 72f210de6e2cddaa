import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { replacePart, writePart } from '../../bench/results-file.ts';

const test = suite('replacePart()');

test('each script replaces its own part and keeps the other, in either order', () => {
  const kernels = replacePart('', 'bench', 'old kernels');
  const both = replacePart(kernels, 'bench:mechanisms', 'old mechanisms');
  const newKernels = replacePart(both, 'bench', 'new kernels');
  assert.match(newKernels, /new kernels[\s\S]*old mechanisms/);
  assert.not.match(newKernels, 'old kernels');
  const newMechanisms = replacePart(both, 'bench:mechanisms', 'new mechanisms');
  assert.match(newMechanisms, /old kernels[\s\S]*new mechanisms/);
  assert.not.match(newMechanisms, 'old mechanisms');
  const reversed = replacePart(
    replacePart('', 'bench:mechanisms', 'old mechanisms'),
    'bench',
    'old kernels',
  );
  assert.is(reversed, both);
});

test('text with the patterns of String.replace is kept as it is', () => {
  assert.match(replacePart('', 'bench', "$& $' $1"), "$& $' $1");
});

test('a part without its end is refused, not cut', () => {
  const file = replacePart('', 'bench', 'a').replace('<!-- end of npm run bench -->', '');
  assert.throws(() => replacePart(file, 'bench:mechanisms', 'b'), /RESULTS\.md expected/);
});

test('writePart() makes the file and replaces a part of it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tpa-results-'));
  try {
    const url = pathToFileURL(`${folder}/`);
    await writePart(url, 'bench', 'first');
    await writePart(url, 'bench:mechanisms', 'second');
    await writePart(url, 'bench', 'third');
    const file = await readFile(join(folder, 'RESULTS.md'), 'utf8');
    assert.match(file, /third[\s\S]*second/);
    assert.not.match(file, 'first');
  } finally {
    await rm(folder, { recursive: true });
  }
});

test.run();
