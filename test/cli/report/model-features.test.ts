import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { featureRows } from '../../../src/cli/report/model-features.ts';
import type { ModelConfig } from '../../../src/index.ts';
import { llamaConfig, t6Config } from '../../helpers/models/tiny-configs.ts';

const test = suite('featureRows()');

function rowsOf(config: ModelConfig): Record<string, string> {
  return Object.fromEntries(featureRows(config));
}

const TPA = t6Config('tpa');
const LLAMA = llamaConfig('llama');

test('a T6 says ranks, a dense model K/V heads, MLA its latents', () => {
  const tpa = rowsOf({ ...TPA, rankQ: 6, rankK: 2, rankV: 1 });
  assert.is(tpa['mechanism'], 'tpa, t6 layout');
  assert.is(tpa['ranks'], 'query 6, key 2, value 1');
  assert.is(tpa['heads'], '4 of headDim 4');
  assert.is(rowsOf(t6Config('tpa-kvonly'))['ranks']?.split(',')[0], 'query full');
  assert.match(rowsOf(t6Config('tpa-third-order'))['ranks'] ?? '', /b ⊗ c with c of 2$/);
  const gqa = rowsOf({ ...LLAMA, mechanism: 'gqa', heads: 6, kvHeads: 2, headDim: 8 });
  assert.is(gqa['mechanism'], 'gqa, llama layout');
  assert.is(gqa['heads'], '6 of headDim 8, 2 for K and V');
  assert.is(gqa['ranks'], undefined);
  const mla = rowsOf(t6Config('mla'));
  assert.is(mla['latents'], 'query 10, K/V 6, rotated key 2, value 8');
  assert.is(mla['ranks'], undefined);
  assert.not.match(mla['heads'] ?? '', /for K and V/);
});

test('RoPE says what is not the default', () => {
  assert.is(rowsOf({ ...TPA, ropeTheta: 500_000 })['RoPE'], 'theta 500,000');
  assert.is(rowsOf({ ...TPA, rotaryDim: 2 })['RoPE'], 'theta 10,000, 2 of 4 features');
  const llama3 = {
    type: 'llama3',
    factor: 8,
    lowFreqFactor: 1,
    highFreqFactor: 4,
    originalContext: 8192,
  } as const;
  const scaled = rowsOf({ ...TPA, ropeScaling: llama3 })['RoPE'];
  assert.is(scaled, 'theta 10,000, llama3 scaling by 8, trained on 8,192 tokens');
});

test('no rotated part is called partial where all of it rotates', () => {
  for (const kind of ['mla', 'tpa-third-order', 'gqa'] as const) {
    assert.not.match(rowsOf(t6Config(kind))['RoPE'] ?? '', /features/, kind);
  }
});

test('a window names its layers; a linear model has a state', () => {
  assert.is(rowsOf(LLAMA)['window'], 'the whole context');
  const window = (firstLayer: number) =>
    rowsOf({ ...LLAMA, layers: 32, slidingWindow: { size: 4096, firstLayer } })['window'];
  assert.is(window(0), '4,096 tokens in all layers');
  assert.is(window(28), '4,096 tokens in layers 28 to 31');
  assert.match(rowsOf(t6Config('mha', { attention: 'linear' }))['window'] ?? '', /constant size/);
});

test('norms and biases are listed', () => {
  const has = { hasNormWeights: true, usesGroupNorm: true, hasQkvBias: true, hasMlpBias: true };
  const rows = rowsOf({ ...TPA, normEps: 0.5, ...has });
  assert.is(rows['norms'], 'eps 0.5, with weights, group norm of heads');
  assert.is(rows['biases'], 'q, k, v, feed-forward');
  assert.is(rowsOf(TPA)['biases'], 'none');
});

test.run();
