import { hasJspi } from '../../src/wasm/jspi.ts';
import { measure } from './measure.ts';
import { planOf, type PlanSizes } from './plan.ts';
import type { GpuResult } from './result.ts';

/** What the page calls outside, and what it is called by. */
export interface PageScope {
  tellLine(line: string): void;
  runBench(asked: PlanSizes): Promise<GpuResult>;
}

const scope = globalThis as unknown as PageScope;

scope.runBench = (asked) => {
  const build = hasJspi() ? 'jspi' : 'webgpu';
  const places = {
    worker: at('device-worker.js'),
    appendWorker: at('append-worker.js'),
    module: at(`ort/ort.${build}.min.mjs`),
    wasmPaths: at('ort/'),
  };
  return measure(planOf(asked), places, (line) => scope.tellLine(line));
};

function at(path: string): URL {
  return new URL(path, location.href);
}
