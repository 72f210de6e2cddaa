import type { BufferSize, BufferWrite, OutputCopy } from '../protocol.ts';

/** Flags of the WebGPU specification (GPUBufferUsage, GPUMapMode), which no type declares. */
const MAP_READ = 0x1;
const COPY_SRC = 0x4;
const COPY_DST = 0x8;
const STORAGE = 0x80;
const MAP_FOR_READING = 0x1;

/** A copy whose source is at hand. */
interface BufferCopy extends OutputCopy {
  readonly source: GPUBuffer;
}

/** The device's buffers by the main thread's ids, and how their content gets in and out. */
export class BufferTable {
  readonly #device: GPUDevice;
  readonly #buffers = new Map<number, GPUBuffer>();
  #staging: GPUBuffer | undefined;

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** @throws RangeError where there is none of this id */
  get(id: number): GPUBuffer {
    const buffer = this.#buffers.get(id);
    if (buffer === undefined) throw new RangeError(`buffer ${id} was not allocated`);
    return buffer;
  }

  /** Makes buffers of zeros; the content of one that is replaced moves into the new one. */
  allocate(sizes: readonly BufferSize[]): undefined {
    const encoder = this.#device.createCommandEncoder();
    const replaced: GPUBuffer[] = [];
    for (const { buffer: id, bytes } of sizes) {
      const usage = STORAGE | COPY_SRC | COPY_DST;
      const buffer = this.#device.createBuffer({ size: Math.ceil(bytes / 16) * 16, usage });
      const old = this.#buffers.get(id);
      if (old !== undefined) {
        encoder.copyBufferToBuffer(old, 0, buffer, 0, Math.min(old.size, buffer.size));
        replaced.push(old);
      }
      this.#buffers.set(id, buffer);
    }
    this.#device.queue.submit([encoder.finish()]);
    for (const buffer of replaced) buffer.destroy();
  }

  write(writes: readonly BufferWrite[]): undefined {
    for (const { buffer, at, data } of writes) {
      this.#device.queue.writeBuffer(this.get(buffer), at, data as Float32Array<ArrayBuffer>);
    }
  }

  free(ids: readonly number[]): undefined {
    for (const id of ids) {
      this.#buffers.get(id)?.destroy();
      this.#buffers.delete(id);
    }
  }

  /** Parts of buffers, as one read. */
  read(parts: readonly { buffer: number; at: number; bytes: number }[]): Promise<Float32Array[]> {
    return this.collect(
      [],
      parts.map(({ buffer, at, bytes }) => ({ source: this.get(buffer), at, bytes })),
    );
  }

  /**
   * Copies on the device and reads back, all in one submission and one map: a lost device rejects
   * here, where onnxruntime's own read-back would spin.
   */
  async collect(
    copies: readonly BufferCopy[],
    reads: readonly { source: GPUBuffer; at?: number; bytes: number }[],
  ): Promise<Float32Array[]> {
    const total = reads.reduce((sum, { bytes }) => sum + bytes, 0);
    const staging = this.#stagingOf(total);
    const encoder = this.#device.createCommandEncoder();
    for (const { source, from, buffer, at, bytes } of copies) {
      encoder.copyBufferToBuffer(source, from, this.get(buffer), at, bytes);
    }
    let offset = 0;
    for (const { source, at = 0, bytes } of reads) {
      encoder.copyBufferToBuffer(source, at, staging, offset, bytes);
      offset += bytes;
    }
    this.#device.queue.submit([encoder.finish()]);
    if (total === 0) return [];
    await staging.mapAsync(MAP_FOR_READING, 0, total);
    const content = staging.getMappedRange(0, total).slice(0);
    staging.unmap();
    offset = 0;
    return reads.map(({ bytes }) => {
      const numbers = new Float32Array(content, offset, bytes / 4);
      offset += bytes;
      return numbers;
    });
  }

  #stagingOf(bytes: number): GPUBuffer {
    if (this.#staging !== undefined && this.#staging.size >= bytes) return this.#staging;
    this.#staging?.destroy();
    const size = Math.ceil(Math.max(bytes, 1) / 16) * 16;
    this.#staging = this.#device.createBuffer({ size, usage: MAP_READ | COPY_DST });
    return this.#staging;
  }
}
