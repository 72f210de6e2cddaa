import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fitRows } from './edge-table.ts';

const read = (file: string): string =>
  readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');

const test = suite('docs/edge.md');

test('says of each model where it fits, as memoryNeeds counts', () => {
  const rows = read('docs/edge.md')
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  const start = rows.findIndex(([heading]) => heading === 'model');
  const [heading, ...models] = fitRows();
  assert.equal(rows.slice(start, start + 2 + models.length), [
    heading,
    heading!.map((_, column) => rows[start + 1]![column]),
    ...models,
  ]);
});

test('says of Workers what the example sets', () => {
  const worker = read('examples/cloudflare-worker/worker.js');
  const [isolate, script] = ['ISOLATE_BYTES', 'SCRIPT_BYTES'].map((name) =>
    Number(new RegExp(`^const ${name} = ([\\d_]+);`, 'm').exec(worker)?.[1]!.replaceAll('_', '')),
  );
  assert.is(isolate! - script!, 96e6);
  assert.ok(fitRows()[0]!.includes('Workers, 96 MB'));
});

test.run();
