/** Whether the engine lets wasm wait for a promise (JavaScript Promise Integration). */
export function hasJspi(): boolean {
  return 'Suspending' in WebAssembly;
}
