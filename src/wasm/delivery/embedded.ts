import type { KernelBinaries } from './kernel-binaries.ts';

/**
 * Browsers, Deno, Bun and everything else: bytes in a module, which no path or permission can miss.
 * Compressed: as base64 that a server compresses again, the larger is 11 KB.
 */
const binaries: KernelBinaries = {
  baseline: async () => inflate((await import('./baseline.js')).default),
  relaxed: async () => inflate((await import('./relaxed.js')).default),
};
export default binaries;

/** The bytes that zlib compressed. */
function inflate(bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> {
  const inflated = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Response(inflated).arrayBuffer();
}
