const ENCODER = new TextEncoder();

/** Little-endian unsigned integers, each `byteLength` bytes wide. */
export function integers(byteLength: 2 | 4 | 8, ...values: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.length * byteLength));
  for (const [i, value] of values.entries()) {
    const at = i * byteLength;
    if (byteLength === 2) view.setUint16(at, value, true);
    else if (byteLength === 4) view.setUint32(at, value, true);
    else view.setBigUint64(at, BigInt(value), true);
  }
  return new Uint8Array(view.buffer);
}

/** Parts one after the other; numbers are single bytes, texts UTF-8. */
export function joined(...parts: readonly (number | string | Uint8Array)[]): Uint8Array {
  return Buffer.concat(
    parts.map((part) => {
      if (typeof part === 'number') return Uint8Array.of(part);
      return typeof part === 'string' ? ENCODER.encode(part) : part;
    }),
  );
}
