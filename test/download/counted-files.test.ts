import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type CountedFiles, countedFiles } from '../../src/download/counted-files.ts';
import { openModelFiles } from '../../src/format/files/model-source.ts';

const A = 'model-1.safetensors';
const B = 'model-2.safetensors';

const test = suite('countedFiles()');

async function shards(): Promise<{ files: CountedFiles; seen: [string, number, number][] }> {
  const weights = new Map([
    [A, new Uint8Array(100)],
    [B, new Uint8Array(50)],
    ['model.safetensors.index.json', new Uint8Array(1000)],
  ]);
  const seen: [string, number, number][] = [];
  const inner = await openModelFiles({ config: {}, weights });
  const files = countedFiles(inner, (...counts) => void seen.push(counts));
  return { files, seen };
}

test('counts weights of all files from begin() on, and at last all', async () => {
  const { files, seen } = await shards();
  const [a, b] = [(await files.open(A))!, (await files.open(B))!];
  await (await files.open('model.safetensors.index.json'))!.read(0, 1000);
  await a.read(0, 10);
  assert.equal(seen, []);
  files.begin();
  await a.read(10, 30);
  await b.read(0, 20);
  await a.read(40, 60);
  assert.equal(seen, [
    [A, 40, 150],
    [B, 60, 150],
    [A, 120, 150],
  ]);
  files.finish();
  assert.equal(seen.at(-1), [A, 150, 150]);
  files.finish();
  assert.is(seen.length, 4);
});

test('what is read twice counts once at most', async () => {
  const { files, seen } = await shards();
  const a = (await files.open(A))!;
  files.begin();
  await a.read(0, 80);
  await a.read(0, 80);
  await a.read(0, 80);
  assert.equal(seen, [
    [A, 80, 100],
    [A, 100, 100],
  ]);
});

test.run();
