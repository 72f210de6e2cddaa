import { toHex } from '../../base/hex.ts';

/** SHA-256 of a cache's key, which may hold secrets, in hexadecimal. */
export async function keyDigest(key: string): Promise<string> {
  const bytes = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(key));
  return toHex(new Uint8Array(bytes));
}
