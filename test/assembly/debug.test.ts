import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createRuntime } from '../../src/index.ts';
import { createEngine } from '../../src/wasm/engine.ts';
import { assertSame } from '../helpers/close.ts';
import { goldenOp } from '../helpers/golden-op.ts';
import { loadGolden } from '../helpers/golden.ts';

const DEBUG = readFileSync(new URL('../../dist/wasm/tpa-debug.wasm', import.meta.url));

const test = suite('the debug binary');

test('keeps its asserts: an empty shape aborts', async () => {
  const { kernels, heap, run } = await createEngine({ simd: 'baseline', wasm: DEBUG });
  const at = heap.allocate(1024);
  const decode = () => kernels.tpaDecode(at, at, at, at, at, at, 1, 1, 1);
  assert.throws(() => run(decode), /tpaDecode: an empty shape or cache/);
});

for (const name of ['op_H5_D24_q3_k2_v1_d40_T130_exact', 'op_H8_D128_q8_k2_v2_d512_T7_exact']) {
  test(`${name}: no assert fires, and the release binary gives the same bits`, async () => {
    const { query, cache, sizes } = goldenOp(loadGolden(name));
    const [debug, release] = await Promise.all(
      [{ wasm: DEBUG }, {}].map(async (options) => {
        const runtime = await createRuntime({ simd: 'baseline', ...options });
        const filled = runtime.createFactorCache(sizes);
        filled.append(cache);
        return runtime.attend(query, filled);
      }),
    );
    assertSame(debug!, release!, name);
  });
}

test.run();
