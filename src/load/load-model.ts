import { CpuBackend } from '../backend/cpu.ts';
import { gpuObstacle } from '../backend/webgpu/present.ts';
import { checkAbort, webgpuUnavailable } from '../base/errors.ts';
import { readConfig } from '../format/config/read-config.ts';
import type { LoadFiles } from '../download/open-source.ts';
import type { ModelSource } from '../format/files/model-source.ts';
import type { TensorSet } from '../format/tensors/tensors.ts';
import { openContents } from '../format/open-contents.ts';
import { yieldMacrotask } from '../base/time.ts';
import type { Adapters } from './adapters.ts';
import { checkLoadOptions, type LoadOptions } from './load-options.ts';
import { Model, type ModelExtras } from './model.ts';
import { fitDtypes } from '../model/budget.ts';
import { WeightDtypes } from '../weights/dtypes.ts';
import { checkTensors } from '../weights/tensors.ts';
import { loadWeights } from '../weights/weights.ts';
import { Compute } from '../compute/compute.ts';
import type { Engine } from '../wasm/engine.ts';
import { withFiles } from './with-files.ts';

/**
 * Loads a T6, one of its variants, or a model of the LLaMA family (Llama, Mistral, Qwen2, Qwen3), from
 * a directory or from a GGUF file. Everything is checked before memory for weights is taken.
 *
 * A directory has `config.json`, `model.safetensors` (or its shards) and, where there are such files,
 * `tokenizer.json`, `generation_config.json`, special tokens in `tokenizer_config.json` and
 * `special_tokens_map.json`, and a chat template in `chat_template.jinja` or
 * `tokenizer_config.json`. A GGUF file has all of it inside. Of one that is split
 * (`-00001-of-00003.gguf`) any part stands for all, which lie beside it, or come in one array. A
 * directory without safetensors opens the only GGUF in it.
 *
 * An address is downloaded piece by piece, on from where it stopped when the connection breaks, and
 * kept in the cache of the runtime unless `cache` says otherwise. It is one of a GGUF file where its
 * path ends in `.gguf`.
 *
 * @param source a directory or a GGUF file, the address of one, a model at Hugging Face such as
 *   `hf:org/name`, or the bytes
 * @param options who computes, in how much memory, and who hears of it
 * @throws TypeError, RangeError for a bad option; TpaError `MODEL_NOT_FOUND`, `CONFIG_INVALID`,
 *   `MODEL_UNSUPPORTED`, `MODEL_MISMATCH`, `RESOURCE_LIMIT`, `TOKENIZER_INVALID`, `PATH_ESCAPE`,
 *   any `WEIGHTS_*` (`WEIGHTS_HASH` by `sha256`, `WEIGHTS_CHANGED` by a file that the server replaced
 *   meanwhile), `CHECKPOINT_INVALID` (a GGUF file that is damaged, or a part of another model),
 *   `BACKEND_UNAVAILABLE`, `OUT_OF_MEMORY`, `ABORTED`, `SIMD_UNAVAILABLE`, `WASM_BLOCKED`
 *
 * @example
 * const model = await loadModel('models/t6-stories.gguf');
 * const session = model.createSession();
 * for await (const { text } of session.generate('Once upon a time', { seed: 7 })) {
 *   process.stdout.write(text);
 * }
 * model.dispose();
 */
export async function loadModel(source: ModelSource, options: LoadOptions = {}): Promise<Model> {
  checkLoadOptions(options);
  const { backend, webgpu } = options;
  const obstacle = backend === 'webgpu' ? gpuObstacle(webgpu) : undefined;
  if (obstacle !== undefined) throw webgpuUnavailable(obstacle);
  return withFiles(source, options, (...opened) => load(options, ...opened));
}

async function load(
  options: LoadOptions,
  files: LoadFiles,
  engine: Engine,
  adapters: Adapters | undefined,
): Promise<Model> {
  const { signal } = options;
  const { config, tensors, extras, tokenizer, chat, defaults, notes } = await describe(
    files,
    options,
  );
  const compute = new Compute(engine);
  const adapted = await adapters?.adapt(tensors, config, extras);
  const asked = new WeightDtypes(options.dtype, adapted?.stored ?? tensors.entries);
  let fitting = fitDtypes(compute, config, asked);
  if (fitting.needs.needed > compute.heap.limit) {
    // tells what would fit: 0.5 KB that most loads do without
    const { checkBudget } = await import('../model/check-budget.ts');
    fitting = checkBudget(compute, config, asked);
  }
  const { dtypes, reason: dtypeReason } = fitting;
  files.begin();
  // bytes in memory are read without a pause: timers and signals run here
  const weights = await loadWeights(compute, config, (await adapted?.merge()) ?? tensors, {
    dtypes,
    afterPiece: () => yieldMacrotask(),
  });
  await files.finish();
  checkAbort(signal);
  const cpu = new CpuBackend(compute, config, weights);
  const computing = await chooseBackend(cpu, options);
  const format = files.gguf === undefined ? 'safetensors' : 'gguf';
  const stored = { format, types: countTypes(tensors.entries), notes } as const;
  const about = { chat, defaults, cache: files.cache, stored, dtypeReason, ...adapted?.extras };
  return new Model(cpu, config, tokenizer, extras, { ...about, ...computing });
}

/**
 * What the files say besides the numbers of weights. What it was made of, up to 20 MB of texts and
 * objects in a GGUF file, is let go of before there is memory for weights.
 */
async function describe(files: LoadFiles, { signal, contextLength, chatTemplate }: LoadOptions) {
  const contents = await openContents(files, signal);
  const { tensors } = contents;
  const ownConfig = await readConfig(contents.config, tensors.entries, contextLength);
  const { extras } = checkTensors(ownConfig, tensors.entries);
  // programs that only make a runtime for operations need no text
  const { openText } = await import('./open-text.ts');
  const { eosTokenIds, ...text } = await openText(contents, ownConfig, chatTemplate);
  const notes = [...contents.notes, ...text.notes];
  return { ...text, config: { ...ownConfig, eosTokenIds }, tensors, extras, notes };
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
): Promise<Pick<ModelExtras, 'dispatch' | 'backendReason'>> {
  if (backend === 'wasm') return { backendReason: 'asked for' };
  const obstacle = gpuObstacle(webgpu);
  if (obstacle !== undefined) return { backendReason: obstacle };
  const { openDispatch } = await import('../backend/dispatch/dispatch-backend.ts');
  const { openWebGpu } = await import('../backend/webgpu/open.ts');
  const how = { ...webgpu, allowsSoftware: backend === 'webgpu', dtype: gpuDtype };
  const openGpu = openWebGpu(cpu.network, how);
  return { dispatch: await openDispatch(cpu, openGpu, { mode: backend, signal }) };
}
