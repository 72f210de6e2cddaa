/** Another file in every runtime: the package's `imports` choose it. */
declare module '#wasm' {
  const binaries: import('./kernel-binaries.ts').KernelBinaries;
  export default binaries;
}
