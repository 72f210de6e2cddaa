/**
 * Starts the worker that computes on a GPU. A page gives it as `webgpu: { worker: startGpuWorker }`:
 * bundlers put onnxruntime-web and its wasm files into what they build for pages that import this,
 * and for no others.
 *
 * @example
 * const model = await loadModel('models/t6-stories.gguf', { webgpu: { worker: startGpuWorker } });
 */
export function startGpuWorker(): Worker {
  // bundlers look for this very form
  return new Worker(new URL('./gpu-worker.js', import.meta.url), {
    type: 'module',
    name: 'tpa-gpu',
  });
}
