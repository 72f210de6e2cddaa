import { createHash } from 'node:crypto';

/** Bytes of parts one after the other: numbers are single bytes, texts UTF-8. */
export function bytesOf(...parts: readonly (number | string | ArrayLike<number>)[]): Uint8Array {
  const chunks = parts.map((part) => {
    if (typeof part === 'number') return Uint8Array.of(part);
    if (typeof part === 'string') return new TextEncoder().encode(part);
    return part instanceof Uint8Array ? part : Uint8Array.from(part);
  });
  const out = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    out.set(chunk, at);
    at += chunk.length;
  }
  return out;
}

/** A little-endian unsigned integer of 2, 4 or 8 bytes; what does not fit is cut. */
export function littleEndian(value: number | bigint, byteLength: 2 | 4 | 8): Uint8Array {
  const out = new Uint8Array(byteLength);
  let rest = BigInt.asUintN(64, BigInt(value));
  for (let i = 0; i < byteLength; i++) {
    out[i] = Number(rest & 255n);
    rest >>= 8n;
  }
  return out;
}

/** SHA-256, hexadecimal. */
export function hashOf(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
