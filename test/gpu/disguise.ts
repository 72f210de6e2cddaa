/** Makes every adapter of this thread one that says nothing of being software. */
export function disguiseAdapters(): void {
  const info = {
    vendor: 'tests',
    architecture: '',
    device: '',
    description: 'an adapter in disguise',
    isFallbackAdapter: false,
  };
  for (const [name, value] of Object.entries({ info, isFallbackAdapter: false })) {
    Object.defineProperty(GPUAdapter.prototype, name, { get: () => value, configurable: true });
  }
}
