import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { replacePart, writePart } from '../../bench/results-file.ts';

const test = suite('replacePart()');

test('text with the patterns of String.replace is kept as it is', () => {
  assert.match(replacePart('', 'bench', "$& $' $1"), "$& $' $1");
});

test('a part without its end is refused, not cut', () => {
  const file = replacePart('', 'bench', 'a').replace('<!-- end of npm run bench -->', '');
  assert.throws(() => replacePart(file, 'bench:mechanisms', 'b'), /RESULTS\.md expected/);
});

test('writePart() makes the file, orders its parts and replaces one of them', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tpa-results-'));
  try {
    const url = pathToFileURL(`${folder}/`);
    await writePart(url, 'bench:mechanisms', 'second');
    await writePart(url, 'bench', 'first');
    await writePart(url, 'bench -- --threads', 'of threads');
    await writePart(url, 'bench', 'third');
    const file = await readFile(join(folder, 'RESULTS.md'), 'utf8');
    assert.match(file, /third[\s\S]*of threads[\s\S]*second/);
    assert.not.match(file, 'first');
  } finally {
    await rm(folder, { recursive: true });
  }
});

test.run();
