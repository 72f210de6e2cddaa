import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  DENSE_SHAPES,
  GQA_32,
  GQA_4,
  PAPER_DECODE,
  T6_SMALL,
  denseDecodeMacs,
  gqaDecodeMacs,
  tpaDecodeMacs,
  tpaPrefillMacs,
} from '../../bench/shapes.ts';

const test = suite('bench shapes');

test('tpaDecodeMacs() counts the scores, the mix over ranks and the values, hand-computed', () => {
  // 16·1·64 + 32·16·1 + 32·1·64 = 1024 + 512 + 2048
  assert.is(tpaDecodeMacs(PAPER_DECODE, 1), 3584);
  // 6·2·64 + 34·6·2 + 34·2·64 = 768 + 408 + 4352
  assert.is(tpaDecodeMacs(T6_SMALL, 1), 5528);
  assert.is(tpaDecodeMacs(PAPER_DECODE, 65536), 234_881_024);
});

test('tpaPrefillMacs() expands the values when their rank is 2', () => {
  // per pair 12·(64 + 34) + 34·64 = 3352; per key 34·2·64 = 4352; 512·513/2 = 131328 pairs
  assert.is(tpaPrefillMacs(T6_SMALL, 512), 131328 * 3352 + 512 * 4352);
});

test('tpaPrefillMacs() keeps the values factored when their rank is 1', () => {
  // 16·64 + 32·16 + 32·64 = 3584 per pair; 2048·2049/2 = 2098176 pairs
  assert.is(tpaPrefillMacs(PAPER_DECODE, 2048), 2098176 * 3584);
});

test('gqaDecodeMacs() is 2·heads·headDim per token, whatever the number of KV heads', () => {
  assert.is(gqaDecodeMacs(GQA_4, 1), 4096);
  assert.is(gqaDecodeMacs(GQA_32, 32768), 134_217_728);
});

test('denseDecodeMacs() is heads · (headDim + valueDim) per token', () => {
  // MHA-32 32·128, MHA-12 12·128, GQA and MQA as MHA-32; MLA 32·(544 + 512) and 32·(288 + 256)
  const macs = DENSE_SHAPES.map((shape) => denseDecodeMacs(shape, 1));
  assert.equal(macs, [4096, 1536, 4096, 4096, 33_792, 17_408]);
});

test.run();
