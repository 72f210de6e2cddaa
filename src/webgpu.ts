export { startGpuWorker } from './backend/webgpu/start-worker.ts';
