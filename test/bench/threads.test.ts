import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { subjectsOf, titleOf } from '../../bench/models/subjects.ts';
import { measureCeilings, renderCeilings } from '../../bench/threads/ceilings.ts';
import { openThreaded } from '../../bench/threads/engine.ts';
import { readThreadCounts } from '../../bench/threads/thread-counts.ts';

const test = suite('bench with threads');

test('readThreadCounts() sorts, names each number once, and refuses what is none', () => {
  assert.equal(readThreadCounts(), [1]);
  assert.equal(readThreadCounts('2,1,2'), [1, 2]);
  for (const bad of ['', '0', '1.5', '65', 'two', '1,']) {
    assert.throws(() => readThreadCounts(bad), /"--threads" expected numbers of 1 … 64, got /, bad);
  }
});

test('subjectsOf() puts all numbers of threads of a subject one after the other', () => {
  assert.equal(subjectsOf([1, 2]).slice(0, 2).map(titleOf), [
    'tpa-wasm T6-small q8',
    'tpa-wasm T6-small q8, 2 threads',
  ]);
});

test('measureCeilings() has each number of threads read and multiply, and ends them', async () => {
  const ceilings = await measureCeilings([1, 2]);
  assert.equal(
    ceilings.map(({ threads }) => threads),
    [1, 2],
  );
  for (const { bytesPerSecond, macsPerSecond } of ceilings) {
    assert.ok(bytesPerSecond > 1e8 && bytesPerSecond < 1e13, String(bytesPerSecond));
    assert.ok(macsPerSecond > 1e8 && macsPerSecond < 1e13, String(macsPerSecond));
  }
});

test('renderCeilings() tells what more threads do over the first number', () => {
  const rates = [
    { threads: 1, bytesPerSecond: 20e9, macsPerSecond: 25e9 },
    { threads: 2, bytesPerSecond: 30e9, macsPerSecond: 50e9 },
  ];
  assert.match(
    renderCeilings(rates),
    /1: 20\.0 GB\/s and 25\.0 GMAC\/s; 2: 30\.0 GB\/s \(1\.50×\)/,
  );
});

test('openThreaded() gives as many threads as are asked for', async () => {
  const { pool } = await openThreaded(2);
  assert.is(pool.threads, 2);
  pool.dispose();
});

test.run();
