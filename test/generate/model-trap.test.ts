import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Session } from '../../src/index.ts';
import type { Engine } from '../../src/wasm/engine.ts';
import { refused } from '../helpers/checks/refused.ts';
import { greedy } from '../helpers/sessions/sessions.ts';
import { livelyT6, openCpuModel } from '../helpers/models/t6-model.ts';
import { createWitnesses } from '../helpers/sessions/witnesses.ts';

/** Kernel calls of one chunk at least: 10 in each of two layers, 4 around them. */
const CHUNK_CALLS = 24;

const { source, ids } = livelyT6(250);
const prompt = ids.slice(0, 60);

/** Calls, and the chunks they take. */
const CALLS: Record<string, [(session: Session) => Promise<unknown>, number]> = {
  prefill: [(session) => session.prefill([...prompt, ...prompt]), 2],
  decode: [(session) => session.decode(5), 1],
  generate: [(session) => greedy(session, [1, 2, 3], 3), 3],
};

const test = suite('KERNEL_TRAP in a real model');

for (const [call, [act, chunks]] of Object.entries(CALLS)) {
  for (const moment of ['before', 'after'] as const) {
    test(`${call}(): a trap ${moment} the work of each kernel call changes no session`, async () => {
      const trap: Trap = { left: 0, moment };
      const { model } = await openCpuModel(source, { simd: 'baseline' }, (kernels) =>
        trapping(kernels, trap),
      );
      const witnesses = await createWitnesses(model, prompt);
      using control = witnesses.session.fork();
      const logits = await control.decode(5);
      const { used } = model.memory();
      let calls = 0;
      for (;;) {
        using fork = witnesses.session.fork();
        trap.left = calls + 1;
        const error = await act(fork).catch((thrown: unknown) => thrown);
        if (trap.left > 0) break; // it needed fewer
        calls++;
        await refused(() => Promise.reject(error), 'KERNEL_TRAP', `kernel call ${calls}`);
        // the tokens of a generation that were evaluated before the trap stay
        assert.ok(fork.length - prompt.length <= (call === 'generate' ? 5 : 0));
        fork.truncate(prompt.length);
        assert.equal(await fork.decode(5), logits, `kernel call ${calls}`);
      }
      trap.left = 0;
      assert.ok(calls >= chunks * CHUNK_CALLS, `${calls} kernel calls`);
      assert.is(model.memory().used, used);
      await witnesses.isUnchanged();
    });
  }
}

test.run();

interface Trap {
  /** Kernel calls until the trap, 0: none. */
  left: number;
  readonly moment: 'before' | 'after';
}

/** Kernels of which the call that makes `left` 0 traps, before it has done its work or after. */
function trapping(kernels: Engine['kernels'], trap: Trap): Engine['kernels'] {
  const wrap = (kernel: unknown) =>
    typeof kernel !== 'function'
      ? kernel
      : (...args: unknown[]): unknown => {
          const isTrap = trap.left > 0 && --trap.left === 0;
          if (isTrap && trap.moment === 'before') throw new WebAssembly.RuntimeError('unreachable');
          const result: unknown = Reflect.apply(kernel, undefined, args);
          if (isTrap) throw new WebAssembly.RuntimeError('unreachable');
          return result;
        };
  const wrapped = Object.entries(kernels).map(([name, kernel]) => [name, wrap(kernel)]);
  return Object.fromEntries(wrapped) as Engine['kernels'];
}
