import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  DECODE_PRODUCTS,
  DENSE_SHAPES,
  GQA_32,
  GQA_4,
  PAPER_DECODE,
  PREFILL_PRODUCT,
  T6_SMALL,
  decodeSuite,
  denseDecodeMacs,
  gqaDecodeMacs,
  prefillSuite,
  productMacs,
  productSuite,
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

test('productMacs() is rows·inner·columns', () => {
  assert.is(productMacs(PREFILL_PRODUCT), 805_306_368);
});

test('the decode products are those of T6-small', () => {
  const { heads, headDim, rankQ, rankK, rankV, dim } = T6_SMALL;
  assert.is(DECODE_PRODUCTS.factors.columns, (rankQ + rankK + rankV) * (heads + headDim));
  assert.is(DECODE_PRODUCTS.attentionOutput.inner, heads * headDim);
  assert.is(DECODE_PRODUCTS.swigluIn.columns, Math.floor((8 / 3) * dim));
});

test('suite names tell the work apart', () => {
  assert.is(decodeSuite(PAPER_DECODE, 8192), 'decode-paper-8192');
  assert.is(prefillSuite(T6_SMALL, 512), 'prefill-t6-small-512');
  assert.is(productSuite(DECODE_PRODUCTS.swigluIn), 'product-1x768x2048');
});

test.run();
