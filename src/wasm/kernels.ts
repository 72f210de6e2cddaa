/** The exports of a kernel binary, as the compiler generated them: both binaries have the same. */
export type Kernels = Omit<Awaited<ReturnType<typeof import('#kernels').instantiate>>, 'memory'>;
