import { crc32c } from '../../../src/base/crc32c.ts';

/** Where a section of a snapshot lies. */
export interface Section {
  readonly id: string;
  /** Of its head, 12 bytes. */
  readonly at: number;
  readonly payloadAt: number;
  readonly bytes: number;
}

const PREAMBLE_BYTES = 12;
const HEAD_BYTES = 12;

/** The sections of a snapshot, as its own lengths cut them. */
export function sectionsOf(snapshot: Uint8Array): Section[] {
  const view = viewOf(snapshot);
  const sections: Section[] = [];
  for (let at = PREAMBLE_BYTES; at < snapshot.length;) {
    const id = String.fromCharCode(...snapshot.subarray(at, at + 4));
    const bytes = view.getUint32(at + 4, true);
    sections.push({ id, at, payloadAt: at + HEAD_BYTES, bytes });
    at += HEAD_BYTES + bytes;
  }
  return sections;
}

/** A copy with some words of a section's payload changed, and its CRC-32C right again. */
export function patched(
  snapshot: Uint8Array,
  id: string,
  change: (payload: DataView) => void,
): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(snapshot);
  const { at, payloadAt, bytes } = sectionsOf(copy).find((section) => section.id === id)!;
  const payload = copy.subarray(payloadAt, payloadAt + bytes);
  change(viewOf(payload));
  viewOf(copy).setUint32(at + 8, crc32c(payload), true);
  return copy;
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
