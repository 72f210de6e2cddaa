import type { KernelBinaries } from './kernel-binaries.d.ts';

/**
 * Browsers, Deno, Bun and everything else: bytes in a module, which no path or permission can miss.
 * Compressed: as base64 that a server compresses again they are 17.7 KB, uncompressed ones 22.7 KB.
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
