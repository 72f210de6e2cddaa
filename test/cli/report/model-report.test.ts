import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { matchedMha } from '../../../src/cli/report/paper-models.ts';
import { describeModel, renderModel } from '../../../src/cli/report/model-report.ts';
import { SHIPPED_MODEL } from '../../../src/cli/package-files.ts';
import { loadModel, type ModelConfig } from '../../../src/index.ts';
import { CANARY } from '../../helpers/checks/refused.ts';
import { tinyConfig } from '../../helpers/models/tiny-model.ts';

const test = suite('model report');

/** A model of the paper's Tables 9 and 10 with these heads. */
function paperModel(
  [, layers, dim]: (typeof PAPER)[number],
  changes: Partial<ModelConfig>,
): ModelConfig {
  return { ...tinyConfig(), layers, dim, headDim: 64, ...FACTORS, ...changes };
}

const FACTORS = { mechanism: 'tpa', rankQ: 6, rankK: 2, rankV: 2 } as const;

/** Size, layers, dim; heads of TPA, TPA-KVonly, MHA, MQA, GQA, MLA; d_c, d'_c; TPA's ratio. */
const PAPER = [
  ['small', 12, 768, [34, 22, 12, 23, 22, 12], [256, 512], 3.9],
  ['medium', 24, 1024, [47, 29, 16, 31, 30, 23], [512, 1024], 4.6],
  ['large', 36, 1280, [61, 37, 20, 39, 38, 34], [512, 1024], 5.1],
  ['XL', 48, 1600, [78, 47, 25, 49, 48, 49], [512, 1024], 5.6],
] as const;

function latentSizes([, , , , [latentDim, queryRank]]: (typeof PAPER)[number]) {
  return { queryRank, latentDim, ropeDim: 32, valueDim: 64 };
}

test('matchedMha() knows the models of the paper, of every mechanism', () => {
  for (const size of PAPER) {
    const [name, , , [tpa, kvOnly, mha, mqa, gqa, mla], , ratio] = size;
    const found = { name, heads: mha, numbersPerToken: 2 * mha * 64 };
    assert.is(((2 * mha * 64) / ((2 + 2) * (tpa + 64))).toFixed(1), ratio.toFixed(1));
    const models: Partial<ModelConfig>[] = [
      { heads: tpa },
      { mechanism: 'tpa-kvonly', heads: kvOnly, rankQ: 0 },
      { mechanism: 'mha', heads: mha },
      { mechanism: 'mqa', heads: mqa, kvHeads: 1 },
      { mechanism: 'gqa', heads: gqa, kvHeads: 2 },
      { mechanism: 'mla', heads: mla, latent: latentSizes(size) },
    ];
    for (const model of models) {
      assert.equal(matchedMha(paperModel(size, model)), found, JSON.stringify(model));
    }
  }
});

test('matchedMha() knows no other shape', () => {
  const [small] = PAPER;
  const mla = { mechanism: 'mla', heads: 12 } as const;
  const latent = latentSizes(small);
  const changes: Partial<ModelConfig>[] = [
    { layers: 24 },
    { dim: 1024 },
    { heads: 22 },
    { headDim: 32 },
    { rankQ: 4 },
    { rankK: 1 },
    { rankV: 4 },
    { mechanism: 'tpa-kvonly', rankQ: 0 },
    { mechanism: 'tpa-sigmoid' },
    { layout: 'llama', mechanism: 'mha', heads: 12 },
    { mechanism: 'gqa', heads: 22, kvHeads: 11 },
    { ...mla, latent: { ...latent, latentDim: 512 } },
    { ...mla, latent: { ...latent, queryRank: 256 } },
    { ...mla, latent: { ...latent, ropeDim: 64 } },
    { ...mla, latent: { ...latent, valueDim: 32 } },
  ];
  for (const change of changes) {
    const config = paperModel(small, { heads: 34, ...change });
    assert.is(matchedMha(config), undefined, JSON.stringify(change));
  }
});

test('an address is shown without its password and query', async () => {
  using model = await loadModel(SHIPPED_MODEL);
  const shown = (path: string) => describeModel(model, path).path;
  const address = `https://me:${CANARY}@host.test/model?token=${CANARY}#${CANARY}`;
  assert.is(shown(address), 'https://host.test/model');
  assert.is(shown(address.replace('https', 'HTTP')), 'http://host.test/model');
  assert.is(shown('C:\\models\\mine?'), 'C:\\models\\mine?');
});

test('both comparisons of a T6-small are the ratios of the paper', async () => {
  using shipped = await loadModel(SHIPPED_MODEL);
  const config = paperModel(PAPER[0], { heads: 34 });
  const info = {
    ...shipped.info(),
    cacheBytesPerToken: 12 * (2 + 2) * (34 + 64) * 4,
    denseCacheBytesPerToken: 12 * 2 * 34 * 64 * 4,
  };
  const model = { config, tokenizer: undefined, info: () => info, memory: () => shipped.memory() };
  const report = describeModel(model, 'small');
  assert.is(report.mhaSameHeads.ratio?.toFixed(1), '11.1');
  assert.is(report.mhaSameParameters?.ratio?.toFixed(1), '3.9');
  assert.is(report.mhaSameParameters?.cacheBytesPerToken, 12 * 2 * 12 * 64 * 4);
  const text = renderModel(report);
  assert.match(text, /same heads +208,896 bytes with 34 heads, 11\.1 times/);
  assert.match(text, /same parameters +73,728 bytes with 12 heads, 3\.9 .*T6 small/);
  assert.match(text, /no tokenizer/);
  assert.match(text, /\* TPA +\(2 \+ 2\) \(34 \+ 64\) = 392 +18,816 +1\.0\n/);
  assert.is(report.cacheTable.length, 6);
});

test('a model without a growing cache is compared by bytes, not by ratio', async () => {
  using shipped = await loadModel(SHIPPED_MODEL);
  const config = { ...shipped.config, mechanism: 'linear', isLinear: true } as const;
  const info = { ...shipped.info(), cacheBytesPerToken: 0 };
  const model = { config, tokenizer: undefined, info: () => info, memory: () => shipped.memory() };
  const report = describeModel(model, 'linear');
  assert.is(report.mhaSameHeads.ratio, null);
  assert.match(renderModel(report), /same heads +12,288 bytes with 8 heads, ours does not grow/);
  assert.not.match(JSON.stringify(report), /Infinity|NaN/);
});

test.run();
