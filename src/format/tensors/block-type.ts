/** A type whose elements are stored in blocks that share scales: those of GGUF. */
export interface BlockType {
  /** E.g. `Q4_K`. */
  readonly name: string;
  /** Elements of a block; a row is a whole number of blocks. */
  readonly blockLength: number;
  readonly blockBytes: number;
  /**
   * The layout that keeps the codes of the file, and the number by which the kernel `decodeBlocks`
   * knows the type; none where no layout keeps them, and the elements are quantised anew.
   */
  readonly packed?: { readonly dtype: 'q8' | 'q8-offset' | 'q4'; readonly kind: number };
  /**
   * Whole blocks as float32, exact.
   *
   * @param out blockLength elements for each block
   */
  dequantize(blocks: Uint8Array, out: Float32Array): void;
  /** The kernel that does the same in wasm memory, six times as fast. */
  readonly kernel?: 'dequantizeQ6K';
}
