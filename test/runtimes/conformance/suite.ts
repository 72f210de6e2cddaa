import * as assert from 'uvu/assert';
import type * as Tpa from '../../../src/index.ts';
import { decodeAssets } from './assets.ts';
import type { Checks } from './check.ts';
import { generationChecks } from './generation.ts';
import { goldenChecks } from './golden.ts';
import { interruptionChecks } from './interruption.ts';
import { refusalChecks } from './refusals.ts';

/** Everything that must hold wherever the package runs. */
export const CHECKS: Checks = {
  ...goldenChecks,
  ...generationChecks,
  ...interruptionChecks,
  ...refusalChecks,
  'info() says what computes, and why': async ({ tpa, assets, model }) => {
    const { backend, simd, simdReason, ...info } = model.info();
    assert.equal({ backend, simd, simdReason }, BASELINE_INFO);
    for (const reason of [info.backendReason, info.threadsReason, info.workerReason]) {
      assert.ok(reason.length > 0);
    }
    using auto = await tpa.loadModel(assets.models[0]!.source);
    assert.match(auto.info().simd, /^(baseline|relaxed)$/);
    assert.match(auto.info().simdReason, /relaxed SIMD/);
  },
};

const BASELINE_INFO = {
  backend: 'wasm',
  simd: 'baseline',
  simdReason: 'asked for',
};

/** Options of everything that the suite loads. */
export interface Setting {
  readonly threads?: number;
  readonly worker?: boolean;
}

/** Where everything was computed, as the package tells it. */
export interface Place {
  readonly threads: number;
  readonly threadsReason: string;
  readonly runtimeThreads: number;
  readonly worker: boolean;
  readonly workerReason: string;
}

/** What a runtime made of the suite. */
export interface Report {
  /** What failed, in words; undefined where the check held. */
  readonly failures: Readonly<Record<string, string | undefined>>;
  /** What must be the same in every runtime, in the order of the checks. */
  readonly values: Readonly<Record<string, string | readonly number[]>>;
  /** Undefined where nothing could be loaded. */
  readonly place?: Place;
  readonly sideEffects: SideEffects;
  readonly milliseconds: number;
  /** Of a page: whether it is cross-origin isolated. */
  readonly isIsolated?: boolean;
}

/** What guard.ts saw. */
export interface SideEffects {
  readonly touched: readonly string[];
  readonly added: readonly string[];
  readonly watched: number;
}

/**
 * Runs the checks one after the other on a package as it was imported.
 *
 * @param setting JSON of a {@link Setting}
 */
export async function runConformance(
  imported: typeof Tpa,
  sideEffects: SideEffects,
  text: string,
  setting: string,
): Promise<Report> {
  const tpa = withSetting(imported, JSON.parse(setting) as Setting);
  const start = Date.now();
  const failures: Record<string, string> = {};
  const values: Record<string, string | readonly number[]> = {};
  const record = (name: string, value: string | readonly number[]) => void (values[name] = value);
  let place: Place | undefined;
  try {
    const assets = decodeAssets(text);
    using model = await tpa.loadModel(assets.shipped.source, { simd: 'baseline' });
    place = await placeOf(tpa, model);
    for (const [name, check] of Object.entries(CHECKS)) {
      try {
        await check({ tpa, assets, model, record });
      } catch (error) {
        failures[name] = describe(error);
      }
    }
  } catch (error) {
    for (const name of Object.keys(CHECKS)) failures[name] = describe(error);
  }
  const milliseconds = Date.now() - start;
  return { failures, values, ...(place && { place }), sideEffects, milliseconds };
}

/** The package, by which everything is loaded alike. */
function withSetting(tpa: typeof Tpa, setting: Setting): typeof Tpa {
  const { worker: _, ...ofRuntime } = setting;
  return {
    ...tpa,
    loadModel: (source, options) => tpa.loadModel(source, { ...setting, ...options }),
    createRuntime: (options) => tpa.createRuntime({ ...ofRuntime, ...options }),
  };
}

async function placeOf(tpa: typeof Tpa, model: Tpa.Model): Promise<Place> {
  const { threads, threadsReason, worker, workerReason } = model.info();
  const runtime = await tpa.createRuntime({ simd: 'baseline' });
  const { threads: runtimeThreads } = runtime.info();
  runtime.dispose();
  return { threads, threadsReason, runtimeThreads, worker, workerReason };
}

/** The message, and what uvu's assertions say was expected. */
function describe(error: unknown): string {
  const { details } = Object(error) as { details?: unknown };
  return typeof details === 'string' ? `${String(error)} ${details}` : String(error);
}
