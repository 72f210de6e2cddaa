type Binary = typeof import('../../dist/wasm/tpa-relaxed.js');

/** The exports of a kernel binary, as the compiler generated them: both binaries have the same. */
export type Kernels = Omit<Awaited<ReturnType<Binary['instantiate']>>, 'memory'>;
