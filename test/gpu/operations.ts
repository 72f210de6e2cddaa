import type { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { GpuHost, OpsAsk } from './host.ts';

/** Of the largest number: float32 in another order; measured at most 9e-7. */
const RELATIVE = 4e-6;

const SMALL = { backend: 'webgpu', dim: 24, heads: 4, headDim: 8, tokens: 70, queries: 9 } as const;

const CASES: Readonly<Record<string, OpsAsk>> = {
  'factored query': { ...SMALL, rankQ: 3, rankK: 2, rankV: 2 },
  'full query, other ranks': { ...SMALL, rankQ: 0, rankK: 1, rankV: 2, heads: 3 },
  'one query over two blocks': { ...SMALL, rankQ: 2, rankK: 2, rankV: 1, tokens: 65, queries: 1 },
  'two K/V heads': { ...SMALL, rankQ: 1, rankK: 1, rankV: 1, kvHeads: 2, queries: 70 },
};

/** runtime.factorizeAsync() and attendAsync() on the GPU. */
export function testOperations(test: ReturnType<typeof suite>, host: GpuHost): void {
  for (const [name, ask] of Object.entries(CASES)) {
    test(`operations, ${name}: within ${RELATIVE} of the kernels, while and after the cache changes too`, async () => {
      const { differences, info } = await host.run('ops', ask);
      assert.is((info as { backend: string }).backend, 'webgpu');
      assert.is(differences.length, 10);
      for (const found of differences) assert.ok(found <= RELATIVE, `off by ${found}`);
    });
  }

  test('operations: a device that is destroyed between two of them loses neither', async () => {
    const fault = 'destroyAt=4';
    const { differences, info } = await host.run('ops', { ...CASES['factored query']!, fault });
    const { backend, backendReason } = info as { backend: string; backendReason: string };
    assert.is(backend, 'wasm');
    assert.match(backendReason, /lost|destroyed/i, backendReason);
    for (const found of differences) assert.ok(found <= RELATIVE, `off by ${found}`);
  });
}
