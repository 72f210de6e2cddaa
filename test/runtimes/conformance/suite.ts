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
    const { backend, backendReason, simd, simdReason, threads } = model.info();
    assert.equal({ backend, simd, simdReason, threads }, BASELINE_INFO);
    assert.ok(backendReason.length > 0);
    using auto = await tpa.loadModel(assets.models[0]!.source);
    assert.match(auto.info().simd, /^(baseline|relaxed)$/);
    assert.match(auto.info().simdReason, /relaxed SIMD/);
  },
};

const BASELINE_INFO = {
  backend: 'wasm',
  simd: 'baseline',
  simdReason: 'asked for',
  threads: 1,
};

/** What a runtime made of the suite. */
export interface Report {
  /** What failed, in words; undefined where the check held. */
  readonly failures: Readonly<Record<string, string | undefined>>;
  /** What must be the same in every runtime, in the order of the checks. */
  readonly values: Readonly<Record<string, string | readonly number[]>>;
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

/** Runs the checks one after the other on a package as it was imported. */
export async function runConformance(
  tpa: typeof Tpa,
  sideEffects: SideEffects,
  text: string,
): Promise<Report> {
  const start = Date.now();
  const failures: Record<string, string> = {};
  const values: Record<string, string | readonly number[]> = {};
  const record = (name: string, value: string | readonly number[]) => void (values[name] = value);
  try {
    const assets = decodeAssets(text);
    using model = await tpa.loadModel(assets.shipped.source, { simd: 'baseline' });
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
  return { failures, values, sideEffects, milliseconds: Date.now() - start };
}

/** The message, and what uvu's assertions say was expected. */
function describe(error: unknown): string {
  const { details } = Object(error) as { details?: unknown };
  return typeof details === 'string' ? `${String(error)} ${details}` : String(error);
}
