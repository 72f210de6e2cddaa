import { gpuObstacle } from '../backend/webgpu/present.ts';
import { webgpuUnavailable } from '../base/errors.ts';
import type { ModelSource } from '../format/files/model-source.ts';
import { checkLoadOptions, type LoadOptions } from './load-options.ts';
import { Model } from './model.ts';

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
 *   `BACKEND_UNAVAILABLE`, `OUT_OF_MEMORY`, `ABORTED`, `SIMD_UNAVAILABLE`, `WASM_BLOCKED`,
 *   `WORKER_LOST`
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
  const { isWanted, reason } = workerChoice(options.worker);
  if (!isWanted) return onThisThread(source, options, reason);
  const { loadInWorker } = await import('./remote/client/load-in-worker.ts');
  const loaded = await loadInWorker(source, options, reason);
  return loaded instanceof Model ? loaded : onThisThread(source, options, loaded.reason);
}

/** A page that computes does not react meanwhile; a program without one may wait for what it asked for. */
function workerChoice(worker: LoadOptions['worker']): { isWanted: boolean; reason: string } {
  if (worker !== undefined) return { isWanted: worker !== false, reason: 'asked for' };
  return 'document' in globalThis
    ? { isWanted: true, reason: 'so that the page reacts while it computes' }
    : { isWanted: false, reason: 'no page waits for this thread; "worker": true starts one' };
}

async function onThisThread(
  source: ModelSource,
  options: LoadOptions,
  workerReason: string,
): Promise<Model> {
  // 30 KB, which a page whose model is in a worker does without
  const { loadHere } = await import('./load-here.ts');
  const { host, config, text } = await loadHere(source, options, {
    workerReason,
    async onText(parts) {
      const { openText } = await import('./open-text.ts');
      return openText(parts);
    },
  });
  return new Model(host, config, text);
}
