import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadModel } from '../../src/index.ts';
import { BINARIES } from '../helpers/kernels/binaries.ts';
import type { TensorData } from '../helpers/files/build-safetensors.ts';
import { integers, loadGolden } from '../helpers/checks/golden.ts';
import { refused } from '../helpers/checks/refused.ts';
import { readAll } from '../helpers/sessions/sessions.ts';
import { goldenSource, livelyWeights } from '../helpers/models/t6-model.ts';
import { createWitnesses } from '../helpers/sessions/witnesses.ts';

/** The token whose factors overflow. */
const POISON = 96;
const PARTS = ['W_A_q', 'W_B_q', 'W_A_k', 'W_B_k', 'W_A_v', 'W_B_v'];

const golden = loadGolden('model_t6');
const prompt = [...integers(golden, 'ids')].slice(0, 60).map((id) => id % POISON);

for (const simd of BINARIES) {
  const test = suite(`NONFINITE_LOGITS in a real model, ${simd}`);

  for (const name of [0, 1].flatMap((layer) =>
    PARTS.map((part) => `${layer}.attn.c_qkv.${part}`),
  )) {
    test(`layer ${name} overflows for one token: refused, and every session as before`, async () => {
      const source = goldenSource(golden, 'bf16', { block_size: 250 }, poison(name));
      using model = await loadModel(source, { simd });
      const witnesses = await createWitnesses(model, prompt);
      const { session } = witnesses;
      const logits = await model.logits(prompt);
      using fork = session.fork();
      const step = await fork.decode(5);

      const ends = [[POISON], [1, POISON], [...prompt, ...prompt, POISON]];
      const begins = [
        [POISON, 1, 2],
        [...prompt, POISON, ...prompt],
      ];
      // a query of the last layer is not cached: tokens after it never see it
      const isCached = !/^1.*q$/.test(name);
      for (const ids of isCached ? [...ends, ...begins] : ends) {
        await refused(() => session.prefill(ids), 'NONFINITE_LOGITS', `${ids.length}`);
        await refused(() => readAll(session.generate(ids)), 'NONFINITE_LOGITS');
        await refused(() => model.logits(ids), 'NONFINITE_LOGITS');
        assert.equal(session.tokens, prompt);
      }
      const { data } = await refused(() => session.decode(POISON), 'NONFINITE_LOGITS');
      assert.equal(data, { step: prompt.length });
      assert.equal(await session.decode(5), step);
      session.truncate(prompt.length);
      assert.equal(await model.logits(prompt), logits);
      await witnesses.isUnchanged();
    });
  }

  for (const [name, change] of [
    // activations too large to square: not all zeros
    ['wte', (x) => x * 1e25],
    ['h.0.attn.c_proj', (x) => x * 1e25],
    ['h.1.mlp.c_proj', (x) => x * 1e25],
    ['h.1.mlp.c_fc1', () => 3e38],
  ] as [string, (x: number) => number][]) {
    test(`${name}.weight overflows for every token: the model loads, its sessions stay empty`, async () => {
      const large = livelyWeights(golden).map((tensor) =>
        tensor.name.endsWith(`${name}.weight`)
          ? { ...tensor, data: Float32Array.from(tensor.data, change) }
          : tensor,
      );
      using model = await loadModel(goldenSource(golden, 'bf16', {}, large), { simd });
      const { used } = model.memory();
      const session = model.createSession();
      await refused(() => session.prefill([1, 2, 3]), 'NONFINITE_LOGITS');
      await refused(() => session.generate([1]).text(), 'NONFINITE_LOGITS');
      assert.equal([session.length, session.byteLength], [0, 0]);
      session.truncate(0);
      session.fork().dispose();
      session.dispose();
      assert.is(model.memory().used, used);
    });
  }

  test.run();
}

/**
 * Weights of which the named one overflows for the token {@link POISON} alone: only its embedding
 * has anything in column 0, which no block writes to, and which the named weight multiplies.
 */
function poison(name: string): TensorData[] {
  return livelyWeights(golden).map((tensor) => {
    const data = Float32Array.from(tensor.data);
    const columns = tensor.shape[1]!;
    if (tensor.name === 'transformer.wte.weight') {
      for (let i = 0; i < data.length; i += columns) data[i] = i === POISON * columns ? 1 : 0;
    } else if (tensor.name.endsWith('c_proj.weight')) {
      data.fill(0, 0, columns);
    } else if (tensor.name.includes(name)) {
      for (let i = 0; i < data.length; i += columns) data[i] = 3e38;
    }
    return { ...tensor, data };
  });
}
