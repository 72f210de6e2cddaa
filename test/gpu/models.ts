import type { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openCheckpoint } from '../../src/convert.ts';
import { loadModel } from '../../src/index.ts';
import { assertClose } from '../helpers/checks/close.ts';
import { floats, goldenFiles, integers, loadGolden, tolerance } from '../helpers/checks/golden.ts';
import { convertedBytes } from '../helpers/files/converted.ts';
import { SHIPPED_MODEL } from '../../src/cli/package-files.ts';
import { type Cos, goldenSource, part } from '../helpers/models/t6-model.ts';
import { decodeFloats, type GpuHost } from './host.ts';
import { remoteModel } from './remote-model.ts';

/** Another order of sums, in kernels that nobody here wrote: four times what the CPU is held to. */
const SLACK = 4;

/** Golden models on the GPU, with the rope tables of these kinds. */
export function testModels(
  test: ReturnType<typeof suite>,
  host: GpuHost,
  tables: readonly Cos[],
): void {
  for (const path of goldenFiles('model_')) {
    const golden = loadGolden(path);
    for (const cos of tables) {
      const atol = SLACK * tolerance(golden, `logits_${cos}`);
      test(`${golden.name} ${cos}: model.logits() within ${atol} of the golden ones`, async () => {
        const [batch] = golden.tensors.get('ids')!.shape as [number];
        const ids = integers(golden, 'ids');
        const rows = Array.from({ length: batch }, (_, b) => [...part(ids, b, batch)]);
        const model = remoteModel(goldenSource(golden, cos));
        const answer = await host.run('logits', { ...model, rows });
        assert.is((answer.info as { backend: string }).backend, 'webgpu');
        const expected = floats(golden, `logits_${cos}`);
        assert.is(answer.rows.length, batch);
        for (const [b, row] of answer.rows.entries()) {
          assertClose(decodeFloats(row), part(expected, b, batch), { atol, what: `row ${b}` });
        }
      });
    }
  }

  test('the shipped model: greedy tokens are those of the CPU until the first near-tie', async () => {
    const source = await shippedFloats();
    const prompt = [1, 345, 67, 490, 11];
    const maxTokens = 48;
    const ask = { ...remoteModel(source), prompt, maxTokens };
    const { tokens, info } = await host.run('generate', ask);
    assert.is((info as { backend: string }).backend, 'webgpu');
    assert.is(tokens.length, maxTokens);

    using model = await loadModel(source, { backend: 'wasm' });
    using session = model.createSession();
    let logits = await session.prefill(prompt);
    for (const [step, id] of tokens.entries()) {
      const order = [...logits.keys()].toSorted((a, b) => logits[b]! - logits[a]!);
      if (order[0] !== id) {
        const margin = logits[order[0]!]! - logits[order[1]!]!;
        assert.ok(margin < NEAR_TIE, `step ${step} differs, its margin is ${margin}`);
        break;
      }
      logits = await session.decode(id);
    }
  });
}

/** Twice what logits of the shipped model differ by on the two sides; 1.4e-5 measured on llvmpipe. */
const NEAR_TIE = 1e-4;

/** The shipped model with its codes as float32, and without a token that ends a text. */
async function shippedFloats() {
  const checkpoint = await openCheckpoint(SHIPPED_MODEL);
  const files = await convertedBytes(checkpoint);
  await checkpoint.close();
  const json = JSON.parse(Buffer.from(files.get('config.json')!).toString()) as object;
  return { config: { ...json, eos_token_id: [] }, weights: files.get('model.safetensors')! };
}
