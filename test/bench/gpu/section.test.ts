import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { GpuResult } from '../../../bench/gpu/result.ts';
import { renderAdapter, replaceAdapter } from '../../../bench/gpu/section.ts';
import { cellsOf, ENVIRONMENT } from '../markdown.ts';

const test = suite('bench gpu section');

const RESULT: GpuResult = {
  adapter: 'Some GPU',
  isSoftware: false,
  version: '1.30.0',
  simd: 'relaxed',
  parameters: { tpa: 124_300_000, gqa: 123_600_000 },
  errors: { tpa: 2e-6, gqa: 3e-6 },
  bytesRead: { tpa: 220_032, gqa: 201_216 },
  prefill: { tokens: 512, rounds: { cpu: [2], tpa: [0.5], gqa: [0.25] } },
  contexts: [
    {
      tokens: 32_768,
      // the machine is slow in the second round
      rounds: { cpu: [0.2, 2, 0.2], tpa: [0.01, 0.1, 0.01], gqa: [0.015, 0.15, 0.015] },
      error: 1e-5,
    },
  ],
  room: { tokens: 512, capacity: 8192, ratio: 1.02 },
  smoothness: { tokens: [1024, 1152, 1280, 1408], seconds: [1, 1, 2, 1], repeats: 3 },
  failover: { tokens: 4096, seconds: 0.05 },
  skipped: ['contexts of 65,536 tokens do not fit in the time'],
};

test('a row has the medians, the ratios within rounds, and the error', () => {
  const markdown = renderAdapter(ENVIRONMENT, RESULT);
  assert.equal(cellsOf(markdown, 'step after 32,768 tokens'), [
    '200 ms',
    '10.0 ms',
    '15.0 ms',
    '20.0',
    '1.50',
    '3',
    '1.0e-5',
  ]);
  assert.equal(cellsOf(markdown, 'prefill of 512 tokens').slice(0, 5), [
    '256 tokens/s',
    '1,024 tokens/s',
    '2,048 tokens/s',
    '4.00',
    '0.500',
  ]);
});

test('findings name bytes, smoothness, the lost device and what was left out', () => {
  const markdown = renderAdapter(ENVIRONMENT, RESULT);
  for (const fact of [
    'Node 24.0.0',
    'Some GPU; onnxruntime-web 1.30.0',
    'TPA 124.3 M, GQA 123.6 M',
    'TPA 220,032 bytes',
    'takes 1.02 times as long as in one that is full',
    'takes 2.00 times the median of its four neighbours, after 1,280 tokens',
    'from the CPU: 50.0 ms',
    'Left out: contexts of 65,536 tokens',
  ]) {
    assert.ok(markdown.includes(fact), fact);
  }
  assert.not.match(markdown, /NaN|undefined|Infinity/);
});

test('a software adapter is called one, and what was not measured is not in the text', () => {
  const { prefill: _, room: __, smoothness: ___, failover: ____, ...rest } = RESULT;
  const markdown = renderAdapter(ENVIRONMENT, { ...rest, contexts: [], isSoftware: true });
  assert.match(markdown, /Some GPU, software;/);
  assert.not.match(markdown, /prefill of|NaN|undefined|neighbours|loss of the device/);
});

test('figures of another adapter or runtime stay, those of the same are replaced, in either order', () => {
  const one = { adapter: 'B', runtime: 'Deno' };
  const two = { adapter: 'A', runtime: 'Deno' };
  const both = replaceAdapter(replaceAdapter(undefined, one, 'old b'), two, 'figures of a');
  const replaced = replaceAdapter(both, one, '- new b\n\n| x |\n');
  assert.match(replaced, /^## [\s\S]*### A, Deno\n\nfigures of a\n\n### B, Deno\n\n- new b/);
  assert.not.match(replaced, 'old b');
  assert.is(replaced.match(/^## /gm)?.length, 1);
  const other = replaceAdapter(replaced, { adapter: 'B', runtime: 'Chromium' }, 'c');
  assert.match(other, /### B, Chromium\n\nc\n\n### B, Deno/);
  assert.is(replaceAdapter(other, one, '- new b\n\n| x |'), other);
});

test.run();
