import { readFile } from 'node:fs/promises';
import embedded from './embedded.ts';
import type { KernelBinaries } from './kernel-binaries.d.ts';

/** Node: the files themselves; the embedded bytes where a bundler has left the files behind. */
const binaries: KernelBinaries = {
  baseline: () =>
    readFile(new URL('./tpa-baseline.wasm', import.meta.url)).catch(embedded.baseline),
  relaxed: () => readFile(new URL('./tpa-relaxed.wasm', import.meta.url)).catch(embedded.relaxed),
};
export default binaries;
