import { Compute } from '../../../src/compute/compute.ts';
import { attendQueries } from '../../../src/ops/attend-task.ts';
import { factorize } from '../../../src/ops/factorize.ts';
import { OpDispatch } from '../../../src/ops/dispatch.ts';
import type {
  AttendTask,
  FactorizeTask,
  FactorMirror,
  OpGpu,
} from '../../../src/backend/op-gpu.ts';
import { FactorCache, Holding } from '../../../src/ops/factor-cache.ts';
import { PagedCache } from '../../../src/cache/pages.ts';
import { Runtime } from '../../../src/ops/runtime.ts';
import { createEngine, type Engine } from '../../../src/wasm/engine.ts';
import { FakeClock } from '../fakes/fake-clock.ts';

/** What becomes of a result. */
export type Spoil = (result: Float32Array) => Float32Array | Promise<Float32Array>;

/** Operations on the kernels, with a copy of each cache as a device has one. */
export class FakeOpGpu implements OpGpu {
  readonly adapter = 'fake';
  readonly isSoftware = false;
  readonly version = '1.30.0';
  lose!: (reason: string) => void;
  readonly lost = new Promise<string>((resolve) => {
    this.lose = resolve;
  });
  /** Operations so far, and tokens that were copied for each. */
  readonly calls: string[] = [];
  forgotten = 0;
  disposals = 0;
  spoil: Spoil = (result) => result;
  /** Called with the multiply-adds of a factorisation. */
  work: (kind: string, tokens: number) => void = () => {};
  readonly #engine: Engine;
  readonly #copies = new Map<object, number[][]>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Caches that it has copies of. */
  get copies(): number {
    return this.#copies.size;
  }

  async factorize(task: FactorizeTask): Promise<Float32Array> {
    this.calls.push('factorize');
    this.work('factorize', task.count);
    const { aq, bq, q, ak, bk, av, bv } = this.#engine.run(() =>
      factorize(new Compute(this.#engine), task),
    );
    const parts = [q ?? aq, bq, ak, bk, av, bv];
    const row = (part: Float32Array, t: number) => [
      ...part.subarray((t * part.length) / task.count, ((t + 1) * part.length) / task.count),
    ];
    const rows = Array.from({ length: task.count }, (_, t) =>
      parts.flatMap((part) => row(part, t)),
    );
    return this.spoil(Float32Array.from(rows.flat()));
  }

  async attend(task: AttendTask, mirror: FactorMirror): Promise<Float32Array> {
    const rows = (this.#copies.get(mirror.owner) ?? []).slice(0, mirror.unchanged);
    const fresh = task.length - rows.length;
    this.calls.push(`attend ${fresh}`);
    if (fresh > 0) {
      const numbers = [...mirror.read(rows.length, fresh)];
      const width = numbers.length / fresh;
      for (let t = 0; t < fresh; t++) rows.push(numbers.slice(t * width, (t + 1) * width));
    }
    this.#copies.set(mirror.owner, rows);
    return this.spoil(this.#attend(task, rows));
  }

  forget(owner: object): void {
    this.forgotten++;
    this.#copies.delete(owner);
  }

  dispose(): void {
    this.disposals++;
  }

  /** Over the copy alone. */
  #attend(task: AttendTask, rows: readonly (readonly number[])[]): Float32Array {
    const { heads, headDim, valueDim, rankK, rankV } = task.spec;
    const pages = new PagedCache(new Compute(this.#engine), task.spec);
    const cache = new FactorCache(new Holding(new Compute(this.#engine), pages, new Set()));
    const bounds = [0, heads * rankK, headDim * rankK, heads * rankV, valueDim * rankV];
    const ends = bounds.map((_, i) => bounds.slice(0, i + 1).reduce((a, b) => a + b));
    const [ak, bk, av, bv] = [0, 1, 2, 3].map((i) =>
      Float32Array.from(rows.flatMap((row) => row.slice(ends[i], ends[i + 1]))),
    ) as [Float32Array, Float32Array, Float32Array, Float32Array];
    cache.append({ ak, bk, av, bv });
    try {
      return attendQueries(new Compute(this.#engine), task, pages);
    } finally {
      cache.dispose();
    }
  }
}

/** A runtime whose GPUs are fake, and time too. */
export interface FakeRuntime {
  readonly engine: Engine;
  readonly runtime: Runtime;
  readonly dispatch: OpDispatch;
  readonly clock: FakeClock;
  /** Those that were opened. */
  readonly gpus: FakeOpGpu[];
  /** What an opening throws, if anything; given each GPU first. */
  opening: (gpu: FakeOpGpu) => void;
}

/** A runtime in one of the modes; every run on its CPU takes `cpuMs`. */
export async function openFakeRuntime(mode: 'auto' | 'webgpu', cpuMs = 0): Promise<FakeRuntime> {
  const clock = new FakeClock();
  const raw = await createEngine({ simd: 'baseline' });
  const run: Engine['run'] = (task) => {
    clock.advance(cpuMs);
    return raw.run(task);
  };
  const engine: Engine = { ...raw, run };
  const gpus: FakeOpGpu[] = [];
  const open = async () => {
    const gpu = new FakeOpGpu(raw);
    gpus.push(gpu);
    fake.opening(gpu);
    return gpu;
  };
  const dispatch = new OpDispatch(new Compute(engine), open, {
    mode,
    leastMacs: 0,
    clock,
    random: () => 0,
  });
  const runtime = new Runtime(new Compute(engine), { dispatch });
  const fake: FakeRuntime = { engine, runtime, dispatch, clock, gpus, opening: () => {} };
  return fake;
}
