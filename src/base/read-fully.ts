import type { FileHandle } from 'node:fs/promises';

/** Fills `target` from a byte of a file on; how much of it, less where the file ends before. */
export async function readFully(
  handle: FileHandle,
  from: number,
  target: Uint8Array,
): Promise<number> {
  const { byteLength } = target;
  for (let filled = 0; filled < byteLength;) {
    const { bytesRead } = await handle.read(target, filled, byteLength - filled, from + filled);
    if (bytesRead === 0) return filled;
    filled += bytesRead;
  }
  return byteLength;
}
