import { messageOf, TpaError, unavailable, webgpuUnavailable } from '../../base/errors.ts';
import type { CacheDtype } from '../../layout/cache-dtype.ts';
import type { BackendChange } from '../backend-change.ts';
import type { Backend, GpuBackend, IncomingSequence, ModelIdentity, OpenGpu } from '../backend.ts';
import { measureCpu, measureGpu } from './calibrate.ts';
import { type Clock, systemClock } from '../../base/time.ts';
import { type Figures, route, routesOf } from './cost-model.ts';
import { onlyRoutes, type Routes } from './routes.ts';
import { type DispatchInfo, type GpuInfo, gpuInfo, routesInWords } from './info.ts';
import { DispatchSequence, type SequenceHost } from './dispatch-sequence.ts';
import { GpuSide } from './gpu-copy.ts';
import { Guard } from '../../device/guard.ts';
import { answerOf, checkAnswer, type CpuSide, type KnownAnswer } from './known-answer.ts';
import { type GpuChoice, OPEN_DEADLINE, Supervisor } from '../../device/supervisor.ts';

/** Options of {@link openDispatch}. */
export interface DispatchOptions extends GpuChoice {
  readonly signal?: AbortSignal | undefined;
}

/**
 * Puts a CPU and, if there is one and it is worth it, a GPU behind one backend.
 *
 * @param cpu disposed with the backend, and if this throws
 * @throws TpaError `ABORTED`; with `'webgpu'` `BACKEND_UNAVAILABLE`, `MODEL_UNSUPPORTED`
 */
export async function openDispatch(
  cpu: CpuSide,
  openGpu: OpenGpu,
  options: DispatchOptions,
): Promise<DispatchBackend> {
  const backend = new DispatchBackend(cpu, openGpu, options);
  try {
    await backend.start(options.signal);
    return backend;
  } catch (error) {
    backend.dispose();
    throw error;
  }
}

/** The dispatcher. Made by {@link openDispatch}. */
export class DispatchBackend implements Backend, SequenceHost {
  readonly contextLength: number;
  readonly vocabSize: number;
  /** Called after every loss and every return of a GPU; what it throws is dropped. */
  onChange: ((change: BackendChange) => void) | undefined;
  readonly #cpu: CpuSide;
  readonly #mode: GpuChoice['mode'];
  readonly #clock: Clock;
  readonly #supervisor: Supervisor<GpuSide>;
  #answer: KnownAnswer | undefined;
  /** What was measured last, and on which adapter. */
  #measured: { readonly adapter: string; readonly figures: Figures } | undefined;
  /** Facts of the GPU that was opened last, kept after it is gone. */
  #gpuInfo: Omit<GpuInfo, 'losses'> | undefined;

  constructor(cpu: CpuSide, openGpu: OpenGpu, { mode, clock, random }: GpuChoice) {
    this.contextLength = cpu.contextLength;
    this.vocabSize = cpu.vocabSize;
    this.#cpu = cpu;
    this.#mode = mode;
    this.#clock = clock ?? systemClock();
    this.#supervisor = new Supervisor<GpuSide>({
      open: (signal) => Guard.open(openGpu, signal, this.#clock, (guard) => this.#accept(guard)),
      openDeadline: OPEN_DEADLINE[mode],
      clock: this.#clock,
      random,
      onLost: (reason, { guard, figures }) => {
        this.#gpuInfo = gpuInfo(guard.resource, figures);
        this.#tell({ backend: 'wasm', reason });
      },
      onOpened: () => this.#tell({ backend: 'webgpu', reason: 'the GPU is back' }),
    });
  }

  get identity(): ModelIdentity {
    return this.#cpu.identity;
  }

  get gpu(): GpuSide | undefined {
    return this.#supervisor.current;
  }

  /** Tries the GPU for the first time. @throws as {@link openDispatch} */
  async start(signal?: AbortSignal): Promise<void> {
    try {
      await this.#supervisor.start(signal);
    } catch (error) {
      if (signal?.aborted) throw new TpaError('ABORTED', 'loading was aborted', { cause: error });
      if (this.#mode === 'webgpu') throw webgpuUnavailable(error);
      this.#supervisor.dispose(); // measured later, while a session computes, the GPU would seem slow
    }
  }

  createSequence(cacheDtype?: CacheDtype): DispatchSequence {
    return new DispatchSequence(this, this.#cpu.createSequence(cacheDtype));
  }

  receive(lengths: readonly number[], cacheDtype?: CacheDtype): IncomingSequence<DispatchSequence> {
    const incoming = this.#cpu.receive(lengths, cacheDtype);
    return {
      write: (piece, crc) => incoming.write(piece, crc),
      end: async () => new DispatchSequence(this, await incoming.end()),
      dispose: () => incoming.dispose(),
    };
  }

  gpuFor(owner: object, pending: number, context: number): GpuSide | undefined {
    const gpu = this.#supervisor.use();
    if (gpu === undefined) return undefined;
    const { maxChunk, contextLength } = gpu.guard.resource;
    const tokens = Math.min(pending, maxChunk);
    if (context + tokens > contextLength) return undefined;
    if (gpu.figures === undefined) return gpu;
    const missing = context - Math.min(context, gpu.findCopy(owner)?.length ?? 0);
    return route(gpu.figures, tokens, context, missing) === 'webgpu' ? gpu : undefined;
  }

  drop(gpu: GpuSide, reason: string): void {
    this.#supervisor.drop(gpu, reason);
  }

  /** Who computes what, and why. */
  info(): DispatchInfo {
    const { gpu } = this;
    const facts = gpu ? gpuInfo(gpu.guard.resource, gpu.figures) : this.#gpuInfo;
    const backend = gpu ? 'webgpu' : 'wasm';
    const routes = gpu?.figures ? this.#routes(gpu.guard, gpu.figures) : onlyRoutes(backend);
    const measured = gpu?.figures ? routesInWords(routes) : 'asked for';
    return {
      backend,
      backendReason: gpu ? measured : this.#supervisor.reason,
      routes,
      ...(facts ? { gpu: { ...facts, losses: this.#supervisor.losses } } : {}),
    };
  }

  dispose(): void {
    this.onChange = undefined;
    this.#supervisor.dispose();
    this.#cpu.dispose();
  }

  /** A GPU that computes right and, with 'auto', is faster at something. */
  async #accept(guard: Guard<GpuBackend>): Promise<GpuSide> {
    const { adapter, isSoftware } = guard.resource;
    this.#gpuInfo = gpuInfo(guard.resource, undefined);
    if (this.#mode === 'auto' && isSoftware) {
      throw unavailable(`${adapter} is a software adapter, which "auto" does not take`);
    }
    const answer = await this.#knownAnswer();
    await checkAnswer(guard, answer);
    const tokenNumbers = answer.factors.length / answer.ids.length;
    const figures = this.#mode === 'auto' ? await this.#measure(guard, tokenNumbers) : undefined;
    this.#gpuInfo = gpuInfo(guard.resource, figures);
    return new GpuSide(guard, tokenNumbers, figures);
  }

  /** What the CPU computes, to judge a GPU by; computed once. */
  async #knownAnswer(): Promise<KnownAnswer> {
    try {
      this.#answer ??= await answerOf(this.#cpu);
      return this.#answer;
    } catch (cause) {
      const reason = messageOf(cause);
      throw unavailable(`the CPU failed before it could check a GPU: ${reason}`, cause);
    }
  }

  /** Measures both sides once, while the model is loaded; a GPU that comes back is not measured again. */
  async #measure(guard: Guard<GpuBackend>, tokenNumbers: number): Promise<Figures> {
    const { adapter, maxChunk } = guard.resource;
    if (this.#measured !== undefined) {
      if (this.#measured.adapter === adapter) return this.#measured.figures;
      throw unavailable(`${adapter} is not ${this.#measured.adapter}, which was measured`);
    }
    const wasm = await measureCpu(this.#cpu, this.#clock);
    const gpuFigures = await measureGpu(guard, this.#cpu, tokenNumbers, this.#clock);
    const figures = { wasm, ...gpuFigures };
    this.#measured = { adapter, figures };
    this.#gpuInfo = gpuInfo(guard.resource, figures);
    const { prefill, decode } = this.#routes(guard, figures);
    const isUsed = [prefill, decode].some(
      ({ backend, switchesAt }) => backend === 'webgpu' || switchesAt !== null,
    );
    const deepest = this.contextLength - maxChunk;
    if (!isUsed && route(figures, maxChunk, deepest, 0) === 'wasm') {
      throw unavailable(`the CPU was measured faster than ${adapter} at every step`);
    }
    return figures;
  }

  #routes({ resource }: Guard<GpuBackend>, figures: Figures): Routes {
    const tokens = Math.max(this.#cpu.maxChunk, resource.maxChunk);
    return routesOf(figures, { tokens, context: this.contextLength });
  }

  #tell(change: BackendChange): void {
    try {
      this.onChange?.(change);
    } catch {
      // a listener must not stop a sentence
    }
  }
}
