/**
 * `node --import tsx bench/vanishing/run.ts MODEL TEXT`: the share of pages that a decode skips on real
 * text (assembly/attention/vanish.ts), by layer and head, for the last tokens of the model's longest
 * context. Logits are computed here, in float64, from the factors that the model caches.
 */
import { readFile } from 'node:fs/promises';
import { cacheNumbersPerToken, logitScale } from '../../src/attention/spec.ts';
import type { CpuBackend } from '../../src/backend/cpu.ts';
import { createLayerCache } from '../../src/cache/layer-cache.ts';
import { factorLayout, queryRows } from '../../src/compute/project.ts';
import { attentionSpec } from '../../src/format/config/attention-spec.ts';
import { bytesOf } from '../../src/layout/numbers.ts';
import { PAGE_TOKENS, piecesOf, rowsAt } from '../../src/layout/pages.ts';
import { loadHere } from '../../src/load/load-here.ts';
import { openText } from '../../src/load/open-text.ts';
import { runBlocks } from '../../src/model/forward.ts';
import { fixedFactors } from '../../src/model/workspace.ts';

/** Tokens at the end of the context whose decodes are looked at. */
const LOOKED_AT = 64;
const BUDGET = 2 ** -24;

const [path = 'models/t6-stories.gguf', textPath] = process.argv.slice(2);
if (textPath === undefined) throw new Error('name a model and a text');
const { host, config, text } = await loadHere(path, { backend: 'wasm' }, { onText: openText });
const { network } = host.backend as CpuBackend;
const { compute, workspace, weights } = network;
const { heap } = compute;
const story = await readFile(textPath, 'utf8');
const ids = text.tokenizer!.encode(story.slice(0, config.contextLength * 8));
const tokens = ids.slice(0, config.contextLength);
const fixed = fixedFactors(compute, config, weights);
const caches = fixed.map((each, layer) =>
  createLayerCache(compute, attentionSpec(config, layer), each),
);

const skipped = caches.map(() => Array.from({ length: config.heads }, () => 0));
let pages = 0;
for (let at = 0; at < tokens.length;) {
  const isLookedAt = at >= tokens.length - LOOKED_AT;
  const some = tokens.slice(at, isLookedAt ? at + 1 : Math.min(at + 48, tokens.length - LOOKED_AT));
  for (const cache of caches) cache.reserve(some.length);
  runBlocks(network, some, caches, (layer) => {
    caches[layer]!.commit(some.length);
    if (isLookedAt) look(layer);
  });
  if (isLookedAt) pages += Math.ceil((at + 1) / PAGE_TOKENS);
  at += some.length;
}
for (const [layer, heads] of skipped.entries()) {
  const shares = heads.map((count) => `${((100 * count) / pages).toFixed(1)} %`);
  process.stdout.write(`layer ${layer}: ${shares.join(', ')}\n`);
}
const all = skipped.flat().reduce((sum, count) => sum + count, 0);
const share = ((100 * all) / (pages * skipped.length * config.heads)).toFixed(2);
process.stdout.write(`${share} % of ${pages} pages a head, context ${tokens.length}\n`);

/** Counts what the last token of a layer's cache skips. */
function look(layer: number): void {
  const cache = caches[layer]!;
  if (cache.kind !== 'pages') throw new Error('a state has no pages');
  const { spec, length } = cache;
  const { rankQ } = config;
  const { heads, headDim, rankK } = spec;
  const rows = queryRows(workspace.factors.at, factorLayout(spec, rankQ), rankQ, 0);
  const a = heap.floats(rows.aq, heads * (rankQ || headDim)).slice();
  const b = heap.floats(rows.bq, rankQ * headDim).slice();
  const width = cacheNumbersPerToken(spec);
  const staging = heap.allocate(bytesOf(length * width));
  cache.read(0, length, rowsAt(spec, staging));
  const numbers = heap.floats(staging, length * width).slice();
  heap.release(staging);
  const [ak, bk] = piecesOf(spec).map(({ from }) => from) as [number, number];
  const scale = logitScale(spec, rankQ) * Math.LOG2E;
  for (let h = 0; h < heads; h++) {
    const query = (d: number): number => {
      if (rankQ === 0) return a[h * headDim + d]!;
      let sum = 0;
      for (let r = 0; r < rankQ; r++) sum += a[h * rankQ + r]! * b[r * headDim + d]!;
      return sum;
    };
    const q = Float64Array.from({ length: headDim }, (_, d) => query(d));
    const logit = (m: number): number => {
      let sum = 0;
      for (let s = 0; s < rankK; s++) {
        const isGroup = spec.headFactors === 'groups';
        if (isGroup && s !== Math.floor((h * rankK) / heads)) continue;
        const factor = isGroup ? 1 : numbers[m * width + ak + h * rankK + s]!;
        for (let d = 0; d < headDim; d++) {
          sum += factor * q[d]! * numbers[m * width + bk + s * headDim + d]!;
        }
      }
      return sum * scale;
    };
    skipped[layer]![h]! += vanishing(Float64Array.from({ length }, (_, m) => logit(m)));
  }
}

/** Pages of a head that the rule of the kernel skips, in one span. */
function vanishing(logits: Float64Array): number {
  let [max, sum, left, count] = [-Infinity, 0, 0, 0];
  for (let first = 0; first < logits.length; first += PAGE_TOKENS) {
    const page = logits.subarray(first, first + PAGE_TOKENS);
    const found = Math.max(...page);
    const weight = PAGE_TOKENS * 2 ** (found - max);
    if (found <= max && left + weight <= BUDGET * sum) {
      left += weight;
      count++;
      continue;
    }
    const factor = found > max ? 2 ** (max - found) : 1;
    max = Math.max(max, found);
    sum *= factor;
    left *= factor;
    for (const x of page) sum += 2 ** (x - max);
  }
  return count;
}
