import { suite } from 'uvu';
import { bundleScenarios } from './bundle.ts';
import { openChromium } from './chromium.ts';
import { openDeno } from './deno.ts';
import { testFaults } from './faults.ts';
import type { GpuHost } from './host.ts';
import { testModels } from './models.ts';
import { openNode } from './node.ts';
import { testOperations } from './operations.ts';
import { testVariants } from './variants.ts';

type Suite = ReturnType<typeof suite>;

/**
 * Everything runs in Deno, where a model starts in 4 s; SwiftShader takes 10 to 25 s to compile the
 * shaders of one, so that Chromium and Node run what tells them apart.
 */
const HOSTS = {
  Deno: {
    open: openDeno,
    register(test: Suite, host: GpuHost) {
      testModels(test, host, ['bf16', 'exact']);
      testVariants(test, host);
      testOperations(test, host);
      testFaults(test, host, ['destroy', 'hang', 'zeros']);
    },
  },
  Chromium: {
    open: openChromium,
    register(test: Suite, host: GpuHost) {
      testModels(test, host, ['bf16']);
      testFaults(test, host, ['destroy', 'kill']);
    },
  },
  Node: {
    open: openNode,
    register(test: Suite, host: GpuHost) {
      testFaults(test, host, ['destroy']);
    },
  },
};

const bundle = await bundleScenarios();
process.on('exit', () => bundle.remove());
for (const [name, { open, register }] of Object.entries(HOSTS)) {
  const host = await open(bundle);
  const test = suite(`WebGPU in ${name}`);
  if ('missing' in host) {
    test.skip(host.missing);
    process.stdout.write(`WebGPU in ${name}: skipped, ${host.missing}\n`);
  } else {
    register(test, host);
    test.after(() => host.close());
  }
  test.run();
}
