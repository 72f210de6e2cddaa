import type { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { integers, loadGolden } from '../helpers/checks/golden.ts';
import { goldenSource } from '../helpers/models/t6-model.ts';
import type { GpuHost } from './host.ts';
import { remoteModel } from './remote-model.ts';

/** What can befall a device in the middle of a sentence. */
export type Fault = 'destroy' | 'kill' | 'hang' | 'zeros';

/** Reads before the fault: the known answer, the prompt, and enough steps to end the long deadlines. */
export const FAULT_AT = 12;

/** How each fault is brought about, and what the reason says of it. */
const FAULTS: Readonly<Record<Fault, { fault?: string; killAfter?: number; reason: RegExp }>> = {
  destroy: { fault: `destroyAt=${FAULT_AT}`, reason: /lost|destroyed|unmapped|mapping/i },
  kill: { killAfter: 8, reason: /lost|instance|mapping|destroy/i },
  hang: { fault: `hangAt=${FAULT_AT}`, reason: /did not answer a decode call within 10 s/ },
  zeros: { fault: `zeroAt=${FAULT_AT}`, reason: /returned invalid logits/ },
};

/** Faults of a real device: the same tokens, an event that says why, a session after it. */
export function testFaults(
  test: ReturnType<typeof suite>,
  host: GpuHost,
  faults: readonly Fault[],
): void {
  const golden = loadGolden('model_t6');
  const greedy = [...integers(golden, 'greedy_bf16')];
  const prompt = greedy.slice(0, golden.meta.loss!['bf16']!.greedy_prompt_len);
  const expected = greedy.slice(prompt.length);

  for (const name of faults) {
    test(`${name} in mid-generation: no token lost or changed, and a second session`, async () => {
      const { reason, ...fault } = FAULTS[name];
      const { tokens, again, changes } = await host.run('generate', {
        ...remoteModel(goldenSource(golden, 'bf16')),
        prompt,
        maxTokens: expected.length,
        again: true,
        awaitsReturn: name === 'destroy',
        ...fault,
      });
      assert.equal(tokens, expected);
      assert.equal(again, expected);
      const [loss, back] = changes;
      assert.is(loss?.backend, 'wasm');
      assert.match(loss!.reason, reason, loss!.reason);
      if (name === 'destroy') assert.is(back?.backend, 'webgpu');
    });
  }
}
