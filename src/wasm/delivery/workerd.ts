import baseline from './tpa-baseline.wasm';
import relaxed from './tpa-relaxed.wasm';
import type { KernelBinaries } from './kernel-binaries.ts';

/** Cloudflare Workers, which compile no bytes: modules that were compiled with the worker. */
const binaries: KernelBinaries = { baseline: async () => baseline, relaxed: async () => relaxed };
export default binaries;
