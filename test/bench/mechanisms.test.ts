import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { measure } from '../../bench/mechanisms/measure.ts';
import {
  cacheBytes,
  CONTEXTS,
  DIMS,
  headsOf,
  MECHANISMS,
  skipReason,
} from '../../bench/mechanisms/mechanisms.ts';
import { isMeasured } from '../../bench/mechanisms/result.ts';
import { MAX_MEMORY } from '../../src/wasm/heap.ts';

const test = suite('bench mechanisms');

const GB = 1e9;

test('the shapes are those of the paper: 16, 32, 48 heads of 64, contexts 2^12 to 2^17', () => {
  assert.equal(DIMS.map(headsOf), [16, 32, 48]);
  assert.equal([CONTEXTS[0], CONTEXTS.at(-1), CONTEXTS.length], [4096, 131_072, 6]);
  for (const mechanism of MECHANISMS) {
    const { heads, headDim, rankK, rankV } = mechanism.spec(32);
    assert.is(heads, 32);
    assert.is(headDim, mechanism.name === 'MLA' ? 544 : 64);
    assert.is(mechanism.rankQ, mechanism.name === 'TPA' ? 16 : 0);
    const kvHeads = { MHA: 32, MQA: 1, 'GQA-4': 4, MLA: 1, TPA: 1 }[mechanism.name];
    assert.equal([rankK, rankV], [kvHeads, kvHeads]);
  }
});

test('bytes and multiply-adds a token, hand-computed for 32 heads', () => {
  const costs = MECHANISMS.map((mechanism) => [
    mechanism.name,
    cacheBytes(mechanism, 32, 1),
    mechanism.macsPerToken(32),
    mechanism.macsPerStep(32),
  ]);
  assert.equal(costs, [
    ['MHA', 16384, 4096, 0], // 4 · 2·32·64; 2·32·64
    ['MQA', 512, 4096, 0], // 4 · 2·64
    ['GQA-4', 2048, 4096, 0],
    ['MLA', 2176, 33792, 2_097_152], // 4 · (512+32); 32·(2·512+32); 32·(64·512+512·64)
    ['TPA', 768, 3584, 0], // 4 · 2·(32+64); 16·64 + 32·16 + 32·64
  ]);
});

test('the largest cache, MHA with 48 heads at 2^17, fits one wasm memory, twice of it does not', () => {
  const largest = cacheBytes(MECHANISMS[0]!, 48, 131_072);
  assert.is(largest, 3_221_225_472);
  const room = { engine: MAX_MEMORY, machine: 24 * GB };
  assert.is(skipReason(largest, room), undefined);
  assert.match(
    skipReason(2 * largest, room) ?? '',
    /6\.44 GB more needed, the wasm memory has 4\.29 GB left/,
  );
});

test('a cache that the machine has no memory for is left out, with both sizes', () => {
  const room = { engine: MAX_MEMORY, machine: 1.5 * GB };
  assert.is(skipReason(1.5 * GB, room), undefined);
  assert.is(skipReason(3 * GB, room), '3.00 GB more needed, the machine has 1.50 GB left');
});

test('measure() checks every mechanism against float64 and times it at every context', async () => {
  const seen: string[] = [];
  const plan = { dims: [256], contexts: [64, 200], schedule: { rounds: 2, seconds: 0.001 } };
  const { simd, results } = await measure(plan, (dim, { tokens }) => seen.push(`${dim} ${tokens}`));
  assert.match(simd, /^(relaxed|baseline)$/);
  assert.equal(seen, ['256 64', '256 200']);
  assert.equal(
    results.map(({ dim, heads }) => [dim, heads]),
    [[256, 4]],
  );
  for (const [at, pages] of [1, 3].entries()) {
    const { points, peakRate } = results[0]!.contexts[at]!;
    assert.ok(peakRate > 1e8 && peakRate < 1e12, String(peakRate));
    assert.equal(
      points.map(({ mechanism }) => mechanism.name),
      ['MHA', 'MQA', 'GQA-4', 'MLA', 'TPA'],
    );
    for (const point of points) {
      assert.ok(isMeasured(point), point.mechanism.name);
      assert.is(point.timing.rounds.length, 2);
      assert.ok(point.timing.best > 0);
      assert.is(point.cacheBytes, cacheBytes(point.mechanism, 4, 96 * pages));
    }
  }
});

test('measure() leaves out what does not fit, in its place, and times the rest', async () => {
  // 4,096 tokens of MHA with 16 heads are 33.6 MB, of the others at most 8.9 MB
  const plan = { dims: [1024], contexts: [4096], schedule: { rounds: 1, seconds: 0.001 } };
  const { results } = await measure(plan, () => {}, { memoryLimit: 2 ** 25 });
  const { points } = results[0]!.contexts[0]!;
  assert.equal(points.map(isMeasured), [false, true, true, true, true]);
  const [mha] = points;
  assert.match('reason' in mha! ? mha.reason : '', /^0\.03 GB more needed, the wasm memory/);
  assert.is(mha!.cacheBytes, 4096 * 8192);
});

test.run();
