/** The kernel binaries as a runtime has them, each fetched when it is asked for. */
export interface KernelBinaries {
  baseline(): Promise<WebAssembly.Module | BufferSource>;
  relaxed(): Promise<WebAssembly.Module | BufferSource>;
}
