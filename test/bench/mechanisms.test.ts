import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { measure } from '../../bench/mechanisms/measure.ts';
import { cacheBytes, MECHANISMS, skipReason } from '../../bench/mechanisms/mechanisms.ts';
import { isMeasured } from '../../bench/mechanisms/result.ts';

const test = suite('bench mechanisms');

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

test('measure() checks every mechanism on two threads too', async () => {
  const schedule = { rounds: 1, seconds: 0.001 };
  const plan = { dims: [256], contexts: [64], schedule, threads: 2 };
  const { results } = await measure(plan, () => {});
  assert.ok(results[0]!.contexts[0]!.points.every(isMeasured));
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
  const room = { engine: 4e9, machine: 1.5e9 };
  assert.is(skipReason(1.5e9, room), undefined);
  assert.is(skipReason(3e9, room), '3.00 GB more needed, the machine has 1.50 GB left');
});

test.run();
