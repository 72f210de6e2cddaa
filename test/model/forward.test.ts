import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createLayerCache, type LayerCache } from '../../src/cache/layer-cache.ts';
import { attentionSpec } from '../../src/format/config/attention-spec.ts';
import { readLogits, runBlocks } from '../../src/model/forward.ts';
import { assertClose, assertSame } from '../helpers/checks/close.ts';
import {
  floats,
  goldenFiles,
  integers,
  loadGolden,
  tolerance,
  type Golden,
} from '../helpers/checks/golden.ts';
import { BINARIES } from '../helpers/kernels/binaries.ts';
import {
  type Cos,
  goldenSource,
  openCpuModel,
  part,
  PRECISIONS,
} from '../helpers/models/t6-model.ts';

for (const simd of BINARIES) {
  const test = suite(`runBlocks() and readLogits(), ${simd}`);

  for (const golden of goldenFiles('model_').map((path) => loadGolden(path))) {
    const [batch, tokens] = golden.tensors.get('ids')!.shape as [number, number];
    const ids = (row: number) => [...part(integers(golden, 'ids'), row, batch)];

    for (const cos of Object.keys(PRECISIONS) as Cos[]) {
      const atol = tolerance(golden, `hidden_${cos}`);
      test(`${golden.name} ${cos}: the residual stream after each block within ${atol}`, async () => {
        const { compute, network, createCaches } = await open(golden, cos, simd);
        const { config, workspace } = network;
        const expected = floats(golden, `hidden_${cos}`);
        for (let row = 0; row < batch; row++) {
          let layers = 0;
          compute.run(() =>
            runBlocks(network, ids(row), createCaches(tokens), (layer) => {
              const { stride: width } = workspace.x;
              const x = compute.heap.floats(workspace.x.at, tokens * width);
              const found = Float32Array.from({ length: tokens * config.dim }, (_, i) => {
                return x[Math.floor(i / config.dim) * width + (i % config.dim)]!;
              });
              const what = `layer ${layer}, row ${row}`;
              const at = layer * batch + row;
              assertClose(found, part(expected, at, config.layers * batch), { atol, what });
              layers++;
            }),
          );
          assert.is(layers, config.layers);
        }
      });
    }

    test(`${golden.name}: nothing is committed, and the same step again gives the same bits`, async () => {
      const { compute, network, createCaches } = await open(golden, 'bf16', simd);
      const caches = createCaches(tokens);
      const step = async () => {
        await compute.evaluate(() => runBlocks(network, ids(0), caches));
        return (await readLogits(network, 0, tokens))!;
      };
      const logits = await step();
      assert.equal(new Set(caches.map(({ length }) => length)), new Set([0]));
      assertSame(await step(), logits, 'logits');
      assertSame(
        (await readLogits(network, tokens - 1, 1))!,
        logits.slice(-network.config.vocabSize),
        'last',
      );
    });
  }

  test('readLogits() is undefined where a logit is not finite', async () => {
    const golden = loadGolden('model_t6');
    const { compute, network, createCaches } = await open(golden, 'bf16', simd);
    runBlocks(network, [1, 2, 3], createCaches(3));
    const { at, stride } = network.workspace.x;
    compute.heap.floats(at, 3 * stride)[stride] = NaN;
    assert.ok(await readLogits(network, 0, 1));
    assert.is(await readLogits(network, 1, 1), undefined);
    assert.is(await readLogits(network, 0, 3), undefined);
  });

  test.run();
}

/** A model, and what makes caches with so many tokens reserved. */
async function open(golden: Golden, cos: Cos, simd: 'baseline' | 'relaxed') {
  const { network } = (await openCpuModel(goldenSource(golden, cos), { simd })).backend;
  const { compute, config } = network;
  const createCaches = (tokens: number): LayerCache[] =>
    Array.from({ length: config.layers }, (_, layer) => {
      const cache = createLayerCache(compute, attentionSpec(config, layer));
      cache.reserve(tokens);
      return cache;
    });
  return { compute, network, createCaches };
}
