import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { assertClose, maxAbsDiff } from '../helpers/checks/close.ts';
import {
  floats,
  goldenFiles,
  integers,
  loadGolden,
  tolerance,
  TWIN_MARGIN,
  VISIBLE,
} from '../helpers/checks/golden.ts';
import { readSafetensors, type StoredTensor } from '../helpers/files/safetensors.ts';
import { t6, type T6Config } from './t6.ts';

const test = suite('t6()');
const PRECISIONS = { bf16: 'bfloat16', exact: 'float32' } as const;

for (const path of goldenFiles('model_t6')) {
  const golden = loadGolden(path);
  const { tensors, meta } = golden;
  const config = meta.config as unknown as T6Config;
  const [batch, tokens] = tensors.get('ids')!.shape as [number, number];
  const ids = integers(golden, 'ids');

  for (const [cos, precision] of Object.entries(PRECISIONS)) {
    test(`logits and every block match to a tenth of the tolerance, ${golden.name} ${cos}`, () => {
      for (let b = 0; b < batch; b++) {
        const { logits, residuals } = t6(row(ids, b, batch), tensors, config, precision);
        assertClose(logits, row(floats(golden, `logits_${cos}`), b, batch), {
          atol: tolerance(golden, `logits_${cos}`) / TWIN_MARGIN,
          what: `logits of row ${b}`,
        });
        assert.is(residuals.length, config.n_layer);
        residuals.forEach((residual, layer) => {
          const index = layer * batch + b;
          const expected = row(floats(golden, `hidden_${cos}`), index, config.n_layer * batch);
          assertClose(residual, expected, {
            atol: tolerance(golden, `hidden_${cos}`) / TWIN_MARGIN,
            what: `row ${b} after block ${layer}`,
          });
        });
      }
    });

    test(`the greedy continuation is equal, ${golden.name} ${cos}`, () => {
      const greedy = integers(golden, `greedy_${cos}`);
      const { logits } = t6(greedy, tensors, config, precision);
      assertGreedy(logits, greedy, meta.loss![cos]!.greedy_prompt_len);
    });
  }

  test(`broken conventions move the logits by over 10 tolerances, ${golden.name}`, () => {
    const first = row(ids, 0, batch);
    assert.is(first.length, tokens);
    const expected = row(floats(golden, 'logits_bf16'), 0, batch);
    const groupNorm = {
      weights: new Map([...unitGroupNorm(config), ...tensors]),
      config: { ...config, using_groupnorm: !config.using_groupnorm },
    };
    const broken: Record<string, Float64Array> = {
      'float32 RoPE table': t6(first, tensors, config, 'float32').logits,
      'llama rotation': t6(first, tensors, config, 'bfloat16', 'llama').logits,
      'group norm switched': t6(first, groupNorm.weights, groupNorm.config, 'bfloat16').logits,
    };
    if (hasRankAboveOne(tensors, config)) {
      broken['rank-major factors'] = t6(
        first,
        rankMajor(tensors, config),
        config,
        'bfloat16',
      ).logits;
    }
    for (const [what, logits] of Object.entries(broken)) {
      const off = maxAbsDiff(logits, expected);
      assert.ok(off > VISIBLE * tolerance(golden, 'logits_bf16'), `${what}: off by ${off}`);
    }
  });
}

test('the shipped model matches its expected logits to a tenth of the tolerance, and greedily', () => {
  const folder = fileURLToPath(new URL('../../models/t6-fairytales/', import.meta.url));
  const config = JSON.parse(readFileSync(`${folder}config.json`, 'utf8')) as T6Config;
  const weights = readSafetensors(`${folder}model.safetensors`);
  const golden = loadGolden('shipped_t6');
  const expected = floats(golden, 'logits');

  const { logits } = t6(integers(golden, 'ids'), weights, config, 'float32');
  const stored = logits.subarray(logits.length - expected.length);
  const atol = tolerance(golden, 'logits') / TWIN_MARGIN;
  assertClose(stored, expected, { atol, what: 'logits' });

  const greedy = integers(golden, 'greedy');
  const run = t6(greedy, weights, config, 'float32');
  assertGreedy(run.logits, greedy, golden.meta.greedy_prompt_len!);
});

test.run();

/** Part `index` of `count` equal parts. */
function row<T extends Float32Array | Int32Array>(data: T, index: number, count: number): T {
  const length = data.length / count;
  return data.subarray(index * length, (index + 1) * length) as T;
}

/** Every token after the prompt must be the argmax of the logits before it (ids fed as stored). */
function assertGreedy(logits: Float64Array, greedy: Int32Array, promptLength: number): void {
  const vocabSize = logits.length / greedy.length;
  assert.ok(greedy.length > promptLength);
  for (let t = promptLength; t < greedy.length; t++) {
    const before = logits.subarray((t - 1) * vocabSize, t * vocabSize);
    assert.is(before.indexOf(Math.max(...before)), greedy[t], `token ${t}`);
  }
}

/** At rank 1 the order of heads and ranks makes no difference. */
function hasRankAboveOne(tensors: Map<string, StoredTensor>, { n_head }: T6Config): boolean {
  return [...tensors].some(([name, { shape }]) => name.includes('.W_A_') && shape[0]! > n_head);
}

/** The weights with the rows of every W_A reordered from (heads, rank) to (rank, heads). */
function rankMajor(
  tensors: Map<string, StoredTensor>,
  { n_head: heads, n_embd: dim }: T6Config,
): Map<string, StoredTensor> {
  const swapped = [...tensors].map(([name, tensor]): [string, StoredTensor] => {
    if (!name.includes('.W_A_')) return [name, tensor];
    const rank = tensor.shape[0]! / heads;
    const data = tensor.data.map((_, i) => {
      const [h, r] = [Math.floor(i / dim / rank), Math.floor(i / dim) % rank];
      return tensor.data[(r * heads + h) * dim + (i % dim)]!;
    });
    return [name, { ...tensor, data }];
  });
  return new Map(swapped);
}

/** Group norm weights of 1, for models that have none. */
function unitGroupNorm(config: T6Config): [string, StoredTensor][] {
  return Array.from({ length: config.n_layer }, (_, layer) => [
    `transformer.h.${layer}.attn.subln.weight`,
    { dtype: 'F32', shape: [config.head_dim], data: new Float32Array(config.head_dim).fill(1) },
  ]);
}
