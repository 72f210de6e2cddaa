import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Engine } from '../../src/wasm/engine.ts';
import { LLAMA_VARIANTS } from '../helpers/models/llama-model.ts';
import { MECHANISM_VARIANTS } from '../helpers/models/mechanism-model.ts';
import { createRandom } from '../helpers/checks/random.ts';
import { refused } from '../helpers/checks/refused.ts';
import { greedy, readAll } from '../helpers/sessions/sessions.ts';
import { openCpuModel } from '../helpers/models/t6-model.ts';
import { createWitnesses } from '../helpers/sessions/witnesses.ts';

/** One of each kind of memory: states of both shapes, latents, tables of all positions, windows. */
const NAMES = ['linear-gqa', 'linear-tpa', 'mla', 'tpa-shared-b', 'tpa-nonctx-b', 'qwen2-window'];
/** Two chunks of a prompt, and four more that begin two pages. */
const PROMPT = 60;
const LONG = 150;
/** Tokens of a generation. */
const COUNT = 20;

const random = createRandom(41);
const ids = Array.from({ length: PROMPT + LONG }, () => random.integer(0, 60));
const prompt = ids.slice(0, PROMPT);
const long = ids.slice(PROMPT);

const test = suite('sessions of every kind of memory');

for (const name of NAMES) {
  const variant = [...MECHANISM_VARIANTS, ...LLAMA_VARIANTS].find((each) => each.name === name)!;
  const { source } = variant.build();

  test(`${name}: abort, trap and no memory in each chunk of a prompt change no session`, async () => {
    const { model, backend } = await openCpuModel(source, { simd: 'baseline' }, copyOf);
    const { heap, kernels } = backend.network.compute.engine;
    const { embed } = kernels;
    const allocate = heap.allocate.bind(heap);
    const { used } = model.memory();
    const witnesses = await createWitnesses(model, prompt);
    for (const chunk of [1, 2, 3]) {
      const controller = new AbortController();
      onCall(chunk, () => controller.abort());
      const options = { temperature: 0, signal: controller.signal };
      const generation = await readAll(witnesses.session.generate(long, options));
      assert.is(generation.finishReason, 'abort');
      await witnesses.isUnchanged(`abort in chunk ${chunk}`);

      onCall(chunk, () => {
        throw new WebAssembly.RuntimeError('unreachable');
      });
      await refused(() => witnesses.session.prefill(long), 'KERNEL_TRAP');
      await witnesses.isUnchanged(`trap in chunk ${chunk}`);

      heap.allocate = (bytes) => allocate(chunk === 1 ? bytes + 2 ** 40 : bytes);
      onCall(chunk - 1, () => (heap.allocate = (bytes) => allocate(bytes + 2 ** 40)));
      const attempt = witnesses.session.prefill(long);
      await refused(() => attempt, 'OUT_OF_MEMORY');
      heap.allocate = allocate;
      kernels.embed = embed;
      await witnesses.isUnchanged(`no memory from chunk ${chunk} on`);
    }
    witnesses.dispose();
    assert.is(model.memory().used, used);

    /** Acts in the n-th chunk from now on, never with n = 0. */
    function onCall(n: number, act: () => void): void {
      let left = n;
      kernels.embed = (...args: Parameters<typeof embed>) => {
        if (--left === 0) act();
        embed(...args);
      };
    }
  });

  test(`${name}: two sessions read token by token in turn do not meet`, async () => {
    const { model } = await openCpuModel(source, { simd: 'baseline' });
    const expected: number[][] = [];
    const generations = [prompt, prompt.toReversed()].map((given) =>
      model.createSession().generate(given, { temperature: 0, maxTokens: COUNT }),
    );
    for (const given of [prompt, prompt.toReversed()]) {
      expected.push(await greedy(model.createSession(), given, COUNT));
    }
    const turns = generations.map((generation) => generation[Symbol.asyncIterator]());
    for (let t = 0; t < COUNT; t++) {
      await Promise.all(turns.map((turn) => turn.next()));
      await model.logits([t]);
    }
    assert.equal(
      generations.map(({ tokens }) => tokens),
      expected,
    );
  });
}

test.run();

function copyOf(kernels: Engine['kernels']): Engine['kernels'] {
  return { ...kernels };
}
