import { readFile } from 'node:fs/promises';
import embedded from './embedded.ts';
import type { KernelBinaries } from './kernel-binaries.ts';

/** Node: the files themselves; the embedded bytes where a bundler has left the files behind. */
const binaries: KernelBinaries = {
  baseline: () => read(() => new URL('./tpa-baseline.wasm', import.meta.url), embedded.baseline),
  relaxed: () => read(() => new URL('./tpa-relaxed.wasm', import.meta.url), embedded.relaxed),
};
export default binaries;

/** In a bundle of CommonJS there is no address to begin with. */
async function read(
  address: () => URL,
  embeddedBytes: KernelBinaries['baseline'],
): ReturnType<KernelBinaries['baseline']> {
  try {
    return await readFile(address());
  } catch {
    return embeddedBytes();
  }
}
