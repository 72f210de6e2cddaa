import baseline from './tpa-baseline.wasm?module';
import relaxed from './tpa-relaxed.wasm?module';
import type { KernelBinaries } from './kernel-binaries.ts';

/** Vercel's edge runtime: as {@link file://./workerd.ts}, in its own notation. */
const binaries: KernelBinaries = { baseline: async () => baseline, relaxed: async () => relaxed };
export default binaries;
