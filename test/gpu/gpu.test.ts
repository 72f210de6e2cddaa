import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { assertClose } from '../helpers/close.ts';
import { floats, goldenFiles, integers, loadGolden, tolerance } from '../helpers/golden.ts';
import { goldenSource, part, PRECISIONS, type Cos } from '../helpers/t6-model.ts';
import { bundleScenarios } from './bundle.ts';
import { openChromium } from './chromium.ts';
import { openDeno } from './deno.ts';
import { decodeFloats, type GpuHost } from './host.ts';
import { openNode } from './node.ts';

/** Another order of sums, and kernels that nobody here wrote: four times what the CPU is held to. */
const SLACK = 4;

const bundle = await bundleScenarios();
const HOSTS = { Deno: openDeno, Chromium: openChromium, Node: openNode };

for (const [name, open] of Object.entries(HOSTS)) {
  const host = await open(bundle);
  const test = suite(`WebGPU in ${name}`);
  if ('missing' in host) {
    test.skip(`skipped: ${host.missing}`);
  } else {
    register(test, host);
    test.after(() => host.close());
  }
  test.run();
}

function register(test: ReturnType<typeof suite>, host: GpuHost): void {
  for (const path of goldenFiles('model_')) {
    const golden = loadGolden(path);
    for (const cos of Object.keys(PRECISIONS) as Cos[]) {
      const atol = SLACK * tolerance(golden, `logits_${cos}`);
      test(`${golden.name} ${cos}: model.logits() within ${atol}`, async () => {
        const [batch] = golden.tensors.get('ids')!.shape as [number];
        const ids = integers(golden, 'ids');
        const rows = Array.from({ length: batch }, (_, b) => [...part(ids, b, batch)]);
        const { config, weights } = goldenSource(golden, cos);
        const answer = await host.run('logits', {
          config: config as object,
          weights: Buffer.from(weights as Uint8Array).toString('base64'),
          options: { backend: 'webgpu' },
          rows,
        });
        const expected = floats(golden, `logits_${cos}`);
        assert.is((answer.info as { backend: string }).backend, 'webgpu');
        for (const [b, row] of answer.rows.entries()) {
          assertClose(decodeFloats(row), part(expected, b, batch), { atol, what: `row ${b}` });
        }
      });
    }
  }
}

process.on('exit', () => bundle.remove());
