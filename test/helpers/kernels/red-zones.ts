import type { Engine } from '../../../src/wasm/engine.ts';

/** Bytes on each side of every region; longer than a panel of 48 numbers. */
const RED_ZONE = 256;
const CANARY = 0x7fc0dead;

/**
 * Puts every region that the heap hands out from now on between red zones.
 *
 * @returns fails where a red zone of a live region was written
 */
export function watchRegions({ heap }: Engine): () => void {
  const sizes = new Map<number, number>();
  const allocate = heap.allocate.bind(heap);
  const release = heap.release.bind(heap);
  const zones = (start: number, bytes: number) =>
    [start - RED_ZONE, start + bytes].map((at) => heap.words(at, RED_ZONE / 4));
  heap.allocate = (bytes) => {
    const whole = Math.ceil(bytes / 4) * 4;
    const start = allocate(whole + 2 * RED_ZONE) + RED_ZONE;
    for (const zone of zones(start, whole)) zone.fill(CANARY);
    sizes.set(start, whole);
    return start;
  };
  heap.release = (start) => {
    release(start - RED_ZONE);
    sizes.delete(start);
  };
  return () => {
    for (const [start, bytes] of sizes) {
      for (const zone of zones(start, bytes)) {
        const at = zone.findIndex((word) => word !== CANARY);
        if (at >= 0) throw new Error(`a red zone of a region of ${bytes} bytes was written`);
      }
    }
  };
}
