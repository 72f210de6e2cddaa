import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { matchedMha } from '../../src/cli/matched-mha.ts';
import { describeModel, renderModel } from '../../src/cli/model-report.ts';
import { SHIPPED_MODEL } from '../../src/cli/package-files.ts';
import { loadModel, type ModelConfig } from '../../src/index.ts';
import { tinyConfig } from '../helpers/tiny-model.ts';

const test = suite('model report');

/** Paper: size, layers, dim, heads of TPA, TPA-KVonly and MHA; TPA's ratio (Tables 9 and 10). */
const PAPER = [
  ['small', 12, 768, 34, 22, 12, 3.9],
  ['medium', 24, 1024, 47, 29, 16, 4.6],
  ['large', 36, 1280, 61, 37, 20, 5.1],
  ['XL', 48, 1600, 78, 47, 25, 5.6],
] as const;

function paperModel(layers: number, dim: number, heads: number): ModelConfig {
  const sizes = { layers, dim, heads, headDim: 64, rankQ: 6, rankK: 2, rankV: 2 };
  return { ...tinyConfig(), mechanism: 'tpa', ...sizes };
}

test('matchedMha() knows the models of the paper', () => {
  for (const [name, layers, dim, tpa, kvOnly, mha, ratio] of PAPER) {
    const config = paperModel(layers, dim, tpa);
    assert.equal(matchedMha(config), { name, heads: mha });
    assert.is(Number(((2 * mha * 64) / ((2 + 2) * (tpa + 64))).toFixed(1)), ratio);
    const other = { ...config, mechanism: 'tpa-kvonly', heads: kvOnly, rankQ: 0 } as const;
    assert.equal(matchedMha(other), { name, heads: mha });
  }
});

test('matchedMha() knows no other shape', () => {
  const small = paperModel(12, 768, 34);
  const changes: Partial<ModelConfig>[] = [
    { layers: 24 },
    { dim: 1024 },
    { heads: 22 },
    { headDim: 32 },
    { rankQ: 4 },
    { rankK: 1 },
    { rankV: 4 },
    { mechanism: 'tpa-kvonly', rankQ: 0 },
  ];
  for (const change of changes) {
    assert.is(matchedMha({ ...small, ...change }), undefined, JSON.stringify(change));
  }
});

test('describeModel() has the numbers of the shipped model', async () => {
  using model = await loadModel(SHIPPED_MODEL);
  const report = describeModel(model, 'somewhere');
  assert.is(report.path, 'somewhere');
  assert.is(report.parameters, 2_015_232);
  assert.is(report.weightBytes, 4 * 2_015_232);
  assert.ok(report.memoryBytes > report.weightBytes);
  assert.is(report.cacheBytesPerToken, 2560);
  assert.equal(report.mhaSameHeads, { heads: 8, cacheBytesPerToken: 8192, ratio: 3.2 });
  assert.is(report.mhaSameParameters, null);
  assert.is(report.hasTokenizer, true);
  const { layers, heads, headDim, dim, hiddenDim, rankQ, rankK, rankV } = report;
  assert.equal(
    { layers, heads, headDim, dim, hiddenDim, rankQ, rankK, rankV },
    { layers: 4, heads: 8, headDim: 32, dim: 192, hiddenDim: 512, rankQ: 4, rankK: 2, rankV: 2 },
  );
});

test('both comparisons of a T6-small are the ratios of the paper', async () => {
  using shipped = await loadModel(SHIPPED_MODEL);
  const config = paperModel(12, 768, 34);
  const info = {
    ...shipped.info(),
    cacheBytesPerToken: 12 * (2 + 2) * (34 + 64) * 4,
    denseCacheBytesPerToken: 12 * 2 * 34 * 64 * 4,
  };
  const model = { config, tokenizer: undefined, info: () => info, memory: () => shipped.memory() };
  const report = describeModel(model, 'small');
  assert.is(report.mhaSameHeads.ratio.toFixed(1), '11.1');
  assert.is(report.mhaSameParameters?.ratio.toFixed(1), '3.9');
  assert.is(report.mhaSameParameters?.cacheBytesPerToken, 12 * 2 * 12 * 64 * 4);
  const text = renderModel(report);
  assert.match(text, /same heads +208,896 bytes with 34 heads, 11\.1 times/);
  assert.match(text, /same parameters +73,728 bytes with 12 heads, 3\.9 .*T6 small/);
  assert.match(text, /no tokenizer/);
});

test.run();
