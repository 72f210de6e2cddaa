import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../src/index.ts';
import { assertClose, maxAbsDiff } from '../helpers/checks/close.ts';
import { loadGolden } from '../helpers/checks/golden.ts';
import { readSafetensors } from '../helpers/files/safetensors.ts';
import { BINARIES } from '../helpers/kernels/binaries.ts';
import { goldenSource } from '../helpers/models/t6-model.ts';

const test = suite('an adapter that was trained');

// by training/tests/adapted.py: 40 steps on texts that count upwards took 7.49 nats to 2.68
const ADAPTER = fileURLToPath(new URL('../fixtures/lora_t6', import.meta.url));
const expected = readSafetensors(`${ADAPTER}/expected.safetensors`);
const logits = expected.get('logits')!.data as Float32Array;
const ids = expected.get('ids')!.data as Int32Array;
const MODEL = goldenSource(loadGolden('model_t6'), 'exact', { attention: 'tpa' });
const largest = logits.reduce((most, x) => Math.max(most, Math.abs(x)), 0);

for (const simd of BINARIES) {
  test(`the logits that PyTorch gives with it, ${simd}`, async () => {
    const lora = [{ source: ADAPTER }];
    using model = await loadModel(MODEL, { simd, backend: 'wasm', lora });
    assertClose(await model.logits(ids), logits, { atol: 2e-5 * (1 + largest), what: 'f32' });
    assert.equal(model.info().adapters, [
      { source: ADAPTER, scale: 1, rank: 2, modules: 10, ignoredKeys: [] },
    ]);
  });
}

test('without it they are others', async () => {
  using model = await loadModel(MODEL, { backend: 'wasm' });
  assert.ok(maxAbsDiff(await model.logits(ids), logits) > 0.2 * largest);
});

test.run();
