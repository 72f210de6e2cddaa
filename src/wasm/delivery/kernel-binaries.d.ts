/** The kernel binaries as this runtime has them, each fetched when it is asked for. */
export interface KernelBinaries {
  baseline(): Promise<WebAssembly.Module | BufferSource>;
  relaxed(): Promise<WebAssembly.Module | BufferSource>;
}

/** What the package's import `#wasm` is in every runtime. */
declare const binaries: KernelBinaries;
export default binaries;
