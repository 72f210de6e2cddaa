/**
 * What pages import that may compute on a GPU.
 *
 * @module tpa-wasm/webgpu
 */
export { startGpuWorker } from './backend/webgpu/client/start-worker.ts';
