import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cacheNumbersPerToken } from '../../../src/attention/spec.ts';
import { cacheTable, type CacheRow } from '../../../src/cli/report/cache-table.ts';
import { attentionSpec, denseNumbersPerToken } from '../../../src/format/config/attention-spec.ts';
import type { ModelConfig } from '../../../src/index.ts';
import { llamaConfig, t6Config, TENSORS } from '../../helpers/models/tiny-configs.ts';

const test = suite('cacheTable()');

const KINDS = Object.keys(TENSORS) as (keyof typeof TENSORS)[];

/** The table of a model as `tpa info` asks for it. */
function tableOf(config: ModelConfig): CacheRow[] {
  const numbers = cacheNumbersPerToken(attentionSpec(config));
  return cacheTable(config, { cacheBytesPerToken: config.layers * numbers * 4 });
}

function ownRow(config: ModelConfig): CacheRow {
  const own = tableOf(config).filter(({ isModel }) => isModel);
  assert.is(own.length, 1, config.mechanism);
  return own[0]!;
}

/** What a formula says, its `·` and spaces being products. */
function evaluate(formula: string): number {
  const text = formula.replaceAll('·', '*').replaceAll(/(?<=[\d)]) (?=[\d(])/g, '*');
  assert.match(text, /^[\d+*() ]+$/);
  return Number(new Function(`return ${text}`)());
}

test('one row is the model, with the bytes of its cache, and every formula is its number', () => {
  const configs = [
    // no two sizes alike
    ...KINDS.map((kind) => ({ ...t6Config(kind), headDim: 10, outerDim: 5 })),
    t6Config('tpa', { attention: 'tpa-sigmoid' }),
    ...(['llama', 'mistral', 'qwen2', 'qwen3'] as const).map((family) => llamaConfig(family)),
  ];
  for (const config of configs) {
    const { numbersPerToken, bytesPerToken, ratio } = ownRow(config);
    assert.is(numbersPerToken, cacheNumbersPerToken(attentionSpec(config)), config.mechanism);
    assert.is(bytesPerToken, config.layers * numbersPerToken * 4, config.mechanism);
    assert.is(ratio, 1, config.mechanism);
    const rows = tableOf(config);
    assert.is(rows[0]!.numbersPerToken, denseNumbersPerToken(config), 'MHA of as many heads');
    for (const row of rows) {
      if (row.numbersPerToken > 0)
        assert.is(evaluate(row.formula), row.numbersPerToken, row.formula);
    }
  }
});

test("the rows are the paper's Table 1, hand-computed for a T6-small", () => {
  const sizes = { layers: 12, dim: 768, heads: 34, headDim: 64, rankK: 2, rankV: 2 };
  const rows = tableOf({ ...t6Config('tpa'), ...sizes });
  assert.equal(
    rows.map(({ mechanism, formula, numbersPerToken }) => [mechanism, formula, numbersPerToken]),
    [
      ['MHA', '2 · 34 · 64', 4352],
      ['MQA', '2 · 1 · 64', 128],
      ['GQA, 4 K/V heads', '2 · 4 · 64', 512],
      ['MLA', '256 + 32', 288],
      ['TPA-KVonly', '(2 + 2) (34 + 64)', 392],
      ['TPA', '(2 + 2) (34 + 64)', 392],
    ],
  );
  assert.is(rows[0]!.bytesPerToken, 208_896);
  assert.is(rows[0]!.ratio!.toFixed(1), '11.1');
  const wide = tableOf({ ...t6Config('tpa'), dim: 1024 });
  assert.is(wide.find(({ mechanism }) => mechanism === 'MLA')?.formula, '512 + 32');
});

test('a model that is not TPA has its own K/V heads and latents, and the rank 2 of the paper', () => {
  const gqa = tableOf(t6Config('gqa'));
  assert.is(gqa[2]!.mechanism, 'GQA, 2 K/V heads');
  const [mha, tpa] = [t6Config('mha'), t6Config('tpa')];
  assert.is(tableOf({ ...mha, headDim: 10 }).at(-1)!.formula, '(2 + 2) (4 + 10)');
  assert.is(tableOf({ ...tpa, rankK: 3, rankV: 1 }).at(-1)!.formula, '(3 + 1) (4 + 4)');
  const config = t6Config('mla');
  const { latentDim, ropeDim } = config.latent!;
  assert.is(ownRow(config).formula, `${latentDim} + ${ropeDim}`);
});

test('linear attention caches nothing for a token, and no ratio is made of that', () => {
  const config = t6Config('mha', { attention: 'linear' });
  const { numbersPerToken, bytesPerToken, formula } = ownRow(config);
  assert.equal([numbersPerToken, bytesPerToken], [0, 0]);
  assert.is(formula, 'a state of constant size');
  assert.ok(tableOf(config).every(({ ratio }) => ratio === null));
});

test.run();
