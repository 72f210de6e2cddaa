import { CpuBackend } from '../backend/cpu.ts';
import { gpuObstacle } from '../backend/webgpu/present.ts';
import { checkAbort } from '../base/errors.ts';
import { yieldMacrotask } from '../base/time.ts';
import { Compute } from '../compute/compute.ts';
import type { LoadFiles } from '../download/open-source.ts';
import type { ModelConfig } from '../format/config/model-config.ts';
import { readConfig } from '../format/config/read-config.ts';
import type { ModelSource } from '../format/files/model-source.ts';
import { openContents } from '../format/open-contents.ts';
import type { TensorSet } from '../format/tensors/tensors.ts';
import { fitDtypes } from '../model/budget.ts';
import { wantsThreads } from '../threads/threads-option.ts';
import type { Engine } from '../wasm/engine.ts';
import { WeightDtypes } from '../weights/dtypes.ts';
import { checkTensors } from '../weights/tensors.ts';
import { loadWeights } from '../weights/weights.ts';
import type { Adapters } from './adapters.ts';
import type { LoadOptions } from './load-options.ts';
import { type LoadFacts, LocalHost } from './local-host.ts';
import type { ModelTextParts } from './read-text.ts';
import { threadsFor } from './threads-for.ts';
import { type FilesUse, withFiles } from './with-files.ts';

/** How a model is loaded on this thread. */
export interface LoadHere<Text> extends Pick<LoadFacts, 'workerReason'>, FilesUse {
  /** Takes what the files say about text, before there is memory for weights: it may refuse it. */
  onText(parts: ModelTextParts): Promise<Text>;
}

/** A model on this thread. */
export interface LoadedHere<Text> {
  readonly host: LocalHost;
  readonly config: ModelConfig;
  readonly text: Text;
}

/**
 * Loads a model into the memory of this thread. Everything is checked before memory for weights is
 * taken.
 *
 * @throws as `loadModel` for what the options do not decide; what `onText` throws
 */
export async function loadHere<Text>(
  source: ModelSource,
  options: LoadOptions,
  how: LoadHere<Text>,
): Promise<LoadedHere<Text>> {
  const isShared = wantsThreads(options.threads);
  const use = { ...how, isShared };
  return withFiles(source, options, (...opened) => load(options, how, ...opened), use);
}

async function load<Text>(
  options: LoadOptions,
  { onText, workerReason = 'asked for' }: LoadHere<Text>,
  files: LoadFiles,
  engine: Engine,
  adapters: Adapters | undefined,
): Promise<LoadedHere<Text>> {
  const { signal } = options;
  const described = await describe(files, options, onText);
  const { config, text, tensors, notes, ignoredTensors } = described;
  const adapted = await adapters?.adapt(tensors, config, ignoredTensors);
  const asked = new WeightDtypes(options.dtype, adapted?.stored ?? tensors.entries);
  const threads = await threadsFor(engine, config, asked, options.threads);
  const compute = new Compute(engine, { threads });
  let fitting = fitDtypes(compute, config, asked, options.cacheDtype);
  if (fitting.needs.needed > compute.heap.limit) {
    // tells what would fit: 0.5 KB that most loads do without
    const { checkBudget } = await import('../model/check-budget.ts');
    fitting = checkBudget(compute, config, asked, options.cacheDtype);
  }
  const { dtypes, reason: dtypeReason } = fitting;
  files.begin();
  const started = threads.start?.();
  try {
    // bytes in memory are read without a pause: timers and signals run here
    const weights = await loadWeights(compute, config, (await adapted?.merge()) ?? tensors, {
      dtypes,
      afterPiece: () => yieldMacrotask(),
    });
    await files.finish();
    checkAbort(signal);
    const cpu = new CpuBackend(compute, config, weights, options.cacheDtype);
    await started;
    if (threads.pool !== undefined && (options.threads ?? 'auto') === 'auto') {
      const { chooseThreads } = await import('./choose-threads.ts');
      await chooseThreads(cpu, threads, config, { signal });
    }
    const computing = await chooseBackend(cpu, options);
    const format = files.gguf === undefined ? 'safetensors' : 'gguf';
    const stored = { format, types: countTypes(tensors.entries), notes } as const;
    const about = {
      cache: files.cache,
      stored,
      dtypeReason,
      ignoredTensors,
      workerReason,
      threads,
    };
    const host = new LocalHost(cpu, config, { ...about, ...adapted?.extras, ...computing });
    return { host, config, text };
  } catch (error) {
    compute.dispose();
    throw error;
  }
}

/**
 * What the files say besides the numbers of weights. What it was made of, up to 20 MB of texts and
 * objects in a GGUF file, is let go of before there is memory for weights.
 */
async function describe<Text>(
  files: LoadFiles,
  { signal, contextLength, chatTemplate }: LoadOptions,
  onText: LoadHere<Text>['onText'],
) {
  const contents = await openContents(files, signal);
  const { tensors } = contents;
  const ownConfig = await readConfig(contents.config, tensors.entries, contextLength);
  const { extras } = checkTensors(ownConfig, tensors.entries);
  // programs that only make a runtime for operations need no text
  const { readText } = await import('./read-text.ts');
  const parts = await readText(contents, ownConfig, chatTemplate);
  const { eosTokenIds } = parts;
  return {
    config: { ...ownConfig, eosTokenIds },
    text: await onText(parts),
    tensors,
    ignoredTensors: extras,
    notes: [...contents.notes, ...parts.notes],
  };
}

/** Tensors by the name of their type. */
function countTypes(entries: TensorSet['entries']): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { dtype } of entries.values()) counts[dtype] = (counts[dtype] ?? 0) + 1;
  return counts;
}

/**
 * The CPU, and a GPU beside it where it is asked for or there may be one. No code of the GPU's is
 * loaded otherwise.
 */
async function chooseBackend(
  cpu: CpuBackend,
  { backend = 'auto', gpuDtype = 'float32', webgpu = {}, signal }: LoadOptions,
): Promise<Pick<LoadFacts, 'dispatch' | 'backendReason'>> {
  if (backend === 'wasm') return { backendReason: 'asked for' };
  const obstacle = gpuObstacle(webgpu);
  if (obstacle !== undefined) return { backendReason: obstacle };
  const { openDispatch } = await import('../backend/dispatch/dispatch-backend.ts');
  const { openWebGpu } = await import('../backend/webgpu/open.ts');
  const how = { ...webgpu, allowsSoftware: backend === 'webgpu', dtype: gpuDtype };
  const openGpu = openWebGpu(cpu.network, how);
  return { dispatch: await openDispatch(cpu, openGpu, { mode: backend, signal }) };
}
