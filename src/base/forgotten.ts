let registry: FinalizationRegistry<() => void> | undefined;

/**
 * Calls `free` some time after `target` was collected, where the engine tells (edge workers may not):
 * memory of WebAssembly and of a GPU is nothing that a garbage collector knows of.
 *
 * @param free must not refer to `target`, or it is never collected; may be called after the memory
 *   was freed by hand
 */
export function whenForgotten(target: object, free: () => void): void {
  if (typeof FinalizationRegistry === 'undefined') return;
  registry ??= new FinalizationRegistry((run) => run());
  registry.register(target, free);
}
